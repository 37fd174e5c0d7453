//! What the integration tests share: an account world in memory, the instance side of a host call, and the vectors' folder.
#![allow(dead_code)] // each test file uses a part

pub mod call;
pub mod vectors;
pub mod world;
