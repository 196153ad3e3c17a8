//! The session machine, driven by bytes. Section numbers are of MQTT 3.1.1 and 5.0.

mod connecting;
mod delivering;
mod fuzz;
mod keeping;
mod listening;
mod lives;
mod publishing;
mod releasing;
mod strictness;
mod subscribing;
