//! Behaviour against a real server.

mod fixture;
