//! What the modules that are tried find in the crate and beside them, as small as it can be.

use std::fmt;

pub(crate) use strongroom_core::{Error, ErrorKind, escaped};

/// A vault that is never asked.
#[derive(Debug, Default)]
pub(crate) struct Vault {
    pub(crate) backend: Backend,
    pub(crate) note: Option<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Backend;

impl Backend {
    pub(crate) fn describe(&self) -> impl fmt::Display {
        "nobody"
    }
}

pub(crate) mod cell {
    use crate::block::{Block, Limits};
    use crate::clock::{Clock, Tick};
    use crate::sync::{Arc, Guard, Swap};

    /// A cell whose value stays.
    #[derive(Clone)]
    pub(crate) struct CellRef(Arc<Swap<Block>>);

    impl CellRef {
        pub(crate) fn new(value: &[u8]) -> Self {
            let limits =
                Limits { fetched: Clock::new().now(), stale_from: Tick::NEVER, deadline: Tick::NEVER };
            Self(Arc::new(Swap::new(Arc::new(Block::of(value, limits, 1, None)))))
        }

        pub(crate) fn place(&self) -> &Swap<Block> {
            &self.0
        }

        pub(crate) fn load(&self) -> Guard<Block> {
            self.0.load()
        }

        pub(crate) fn is_dead(&self) -> bool {
            false
        }
    }

    impl std::ops::Deref for CellRef {
        type Target = Swap<Block>;

        fn deref(&self) -> &Swap<Block> {
            &self.0
        }
    }
}

pub(crate) mod folders {
    #[derive(Debug, Default)]
    pub(crate) struct Folders(());
}

pub(crate) mod line {
    #[derive(Debug, Default)]
    pub(crate) struct Line(());
}

pub(crate) mod notice {
    #[derive(Debug)]
    pub(crate) struct Pulse;

    impl Pulse {
        pub(crate) fn of(_: u32) -> Self {
            Self
        }

        pub(crate) fn restart(&self, _: u32) {}
    }
}
