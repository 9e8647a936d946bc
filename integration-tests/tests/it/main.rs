//! Behaviour against a real server.

mod fixture;
mod hashicorp;
mod logins;
