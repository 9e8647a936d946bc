//! The primitives, in one place so that a model checker can put its own here.

pub(crate) use std::sync::atomic::{AtomicPtr, Ordering};

/// How often a note that stands for everything is looked at again.
pub(crate) const PATIENCE: usize = 200;
