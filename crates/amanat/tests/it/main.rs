//! The binary from outside: its command line, its commands, and the whole product over real sockets.
//!
//! What takes seconds (stock clients, a browser, `kill -9`) lies in modules named `slow`; only the profile `ci` runs them.

#[cfg(test)]
mod backup;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod choices;
#[cfg(test)]
mod codec;
#[cfg(test)]
mod command;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod export;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod libraries;
#[cfg(test)]
mod linear;
#[cfg(test)]
mod load;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod onboarding;
#[cfg(test)]
mod open;
#[cfg(test)]
mod operator_links;
#[cfg(test)]
mod own_endpoint;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod passkeys;
#[cfg(test)]
mod presets;
#[cfg(test)]
mod record_follow;
#[cfg(test)]
mod record_verify;
#[cfg(test)]
mod root_key;
#[cfg(test)]
mod run;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod source;
#[cfg(test)]
mod start;
#[cfg(test)]
mod stock_clients;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod suspension;
#[cfg(test)]
mod webhook;
#[cfg(test)]
mod witness;
