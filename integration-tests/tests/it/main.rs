//! Behaviour against a real server.

mod documents;
mod conformance;
mod faults;
mod fixture;
mod hashicorp;
mod logins;
mod logs;
