//! Environment variables as a Strongroom backend.
