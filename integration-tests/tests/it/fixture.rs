//! The fixtures themselves: every other test here believes what they say.

mod binary;
mod proxy;
mod server;
mod tls;
