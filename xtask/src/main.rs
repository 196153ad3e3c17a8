//! Automation in Rust: `cargo xtask ci`, `tidy`, `coverage`, `bench`, `setup`.

fn main() {}
