//! The tests of what the crate promises to its users, one module a subject.

mod reference;
