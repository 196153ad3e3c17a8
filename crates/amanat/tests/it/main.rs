//! The binary from outside: its command line, its commands, and the server over real sockets.

#[cfg(test)]
mod browser;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod load;
#[cfg(test)]
mod record_verify;
#[cfg(test)]
mod run;
#[cfg(test)]
mod serve;
