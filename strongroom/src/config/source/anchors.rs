//! What anchors stand for, and a bound on how much their aliases blow a file up.

use std::collections::HashMap;

use super::error::Fault;
use super::{MAX_BYTES, Node, Value};

/// How many nodes anchors and aliases may stand for, all together.
const MAX_NODES: usize = 100_000;

/// The nodes of one document that have an anchor.
#[derive(Default)]
pub(super) struct Anchors {
    nodes: HashMap<usize, (Node, Extent)>,
    /// All copies so far, those of other documents too.
    copied: Extent,
}

impl Anchors {
    /// Forgets the anchors of a document.
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
    }

    /// Keeps a copy of the node that an anchor is on.
    pub(super) fn keep(&mut self, anchor: usize, node: &Node) -> Result<(), Fault> {
        let extent = Extent::of(node);
        self.copied.count(extent)?;
        self.nodes.insert(anchor, (node.clone(), extent));
        Ok(())
    }

    /// A copy for an alias, and how many lists and mappings deep it goes.
    pub(super) fn copy(&mut self, anchor: usize) -> Result<(Node, usize), Fault> {
        let (node, extent) =
            self.nodes.get(&anchor).ok_or(Fault::Refused("an alias inside of what it stands for"))?;
        self.copied.count(*extent)?;
        Ok((node.clone(), extent.height))
    }
}

/// How much a node is.
#[derive(Clone, Copy, Default)]
struct Extent {
    nodes: usize,
    bytes: usize,
    /// How many lists and mappings deep it goes.
    height: usize,
}

impl Extent {
    /// Recursion is bounded, as every tree is.
    fn of(node: &Node) -> Self {
        let mut extent = Self { nodes: 1, ..Self::default() };
        match &node.value {
            Value::Null => {}
            Value::Scalar(scalar) => extent.bytes = scalar.text.len(),
            Value::List(nodes) => extent.hold(nodes.iter()),
            Value::Map(entries) => {
                extent.bytes = entries.iter().map(|entry| entry.key.len()).sum();
                extent.hold(entries.iter().map(|entry| &entry.value));
            }
        }
        extent
    }

    fn hold<'a>(&mut self, nodes: impl Iterator<Item = &'a Node>) {
        for inner in nodes.map(Self::of) {
            self.nodes += inner.nodes;
            self.bytes += inner.bytes;
            self.height = self.height.max(inner.height);
        }
        self.height += 1;
    }

    /// Adds a copy before it is made.
    fn count(&mut self, copy: Self) -> Result<(), Fault> {
        self.nodes += copy.nodes;
        self.bytes += copy.bytes;
        if self.nodes > MAX_NODES || self.bytes > MAX_BYTES {
            return Err(Fault::Refused(
                "the anchors and aliases of the file stand for more than 100,000 values or 16 MiB",
            ));
        }
        Ok(())
    }
}
