//! The fixtures.
