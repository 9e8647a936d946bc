//! Behaviour against a real server.

mod conformance;
mod documents;
mod faults;
mod fixture;
mod hashicorp;
mod logins;
mod logs;
