//! The binary from outside: its command line and its commands.

#[cfg(test)]
mod command_line;
#[cfg(test)]
mod record_verify;
#[cfg(test)]
mod run;
