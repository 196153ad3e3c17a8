//! The binary from outside: its command line and its commands, and the whole product over real sockets.
//!
//! What needs a running server, a browser or a crash lies in modules named `slow`, which only the profile `ci` runs.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod choices;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod record_verify;
#[cfg(test)]
mod run;
#[cfg(test)]
mod start;
#[cfg(test)]
mod stock_clients;
#[cfg(test)]
mod suspension;
