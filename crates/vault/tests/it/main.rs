//! The vault through its public interface, on both databases.

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod follow;

#[cfg(test)]
mod ahead;
#[cfg(test)]
mod away;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod erase;
#[cfg(test)]
mod history;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod late;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod masked;
#[cfg(test)]
mod own;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod reapplied;
#[cfg(test)]
mod retention;
#[cfg(test)]
mod rotate;
#[cfg(test)]
mod shorten;
#[cfg(test)]
mod spared;
#[cfg(test)]
mod together;
