//! Behaviour against a real server.

mod faults;
mod fixture;
mod hashicorp;
mod logins;
