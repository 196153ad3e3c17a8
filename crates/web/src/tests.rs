//! The whole site over a real custody and a real alliance, asked as browsers ask.

mod authorization;
mod browser;
mod cases;
mod changes;
mod claims;
mod commons;
mod consent;
mod destinations;
mod erase;
mod export;
mod forms;
mod incidents;
mod limits;
mod nearby;
mod notice_files;
mod office_acts;
mod office_commands;
mod open;
mod orders;
mod own_key;
mod pages;
mod record;
mod safety;
mod statistics;
mod why;
mod world;
