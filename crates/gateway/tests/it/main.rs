//! The gateway over real sockets, with a real custody behind it.

#[cfg(test)]
mod abuse;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod client;
#[cfg(test)]
mod coap;
#[cfg(test)]
mod courier;
#[cfg(test)]
mod dialects;
#[cfg(test)]
mod ended;
#[cfg(test)]
mod erasures;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod history;
#[cfg(test)]
mod http;
#[cfg(test)]
mod life;
#[cfg(test)]
mod mqtt;
#[cfg(test)]
mod order;
#[cfg(test)]
mod provision;
#[cfg(test)]
mod push;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod ways;
#[cfg(test)]
mod webhooks;
