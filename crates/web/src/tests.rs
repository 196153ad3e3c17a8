//! The whole site over a real custody and a real alliance, asked as browsers ask.

mod authorization;
mod browser;
mod forms;
mod pages;
mod world;
