//! Several servers that are one: a raft cluster on the loopback, whose standbys serve reads and lag.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Builder, Server};

/// How long nodes may take to agree on anything.
const AGREE: Duration = Duration::from_secs(60);

/// A raft cluster of real servers with the same data, root token and unseal key.
///
/// Nodes are told apart by their place in [`nodes`](Self::nodes), which they keep over restarts.
pub struct Cluster {
    nodes: Vec<Server>,
}

impl Cluster {
    /// Three nodes, the first of which leads. The others serve at once and vote some ten seconds later
    /// ([`wait_for_votes`](Self::wait_for_votes)); until then nobody takes over.
    #[must_use]
    pub fn start() -> Self {
        Self::with(|builder| builder)
    }

    /// The same, each node built as `setup` says.
    ///
    /// # Panics
    /// A node does not start.
    #[must_use]
    pub fn with(setup: impl Fn(Builder) -> Builder) -> Self {
        let leader = setup(Server::builder().raft()).start();
        let mut nodes = vec![leader];
        for _ in 0..2 {
            let node = setup(Server::builder().join(&nodes[0])).start();
            nodes.push(node);
        }
        Self { nodes }
    }

    /// All nodes, running or not.
    #[must_use]
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    /// One node, to stop it and start it again.
    pub fn node_mut(&mut self, at: usize) -> &mut Server {
        &mut self.nodes[at]
    }

    /// The addresses of all nodes, running or not.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.nodes.iter().map(Server::plain_address).collect()
    }

    /// The root token of all nodes.
    #[must_use]
    pub fn token(&self) -> &str {
        self.nodes[0].token()
    }

    /// The node that leads, waiting for an election if there is one.
    ///
    /// # Panics
    /// Nobody leads for a minute.
    #[must_use]
    pub fn leader(&self) -> usize {
        wait("a leader", || self.nodes.iter().position(leads))
    }

    /// The nodes that answer and do not lead.
    #[must_use]
    pub fn standbys(&self) -> Vec<usize> {
        let leader = self.leader();
        let answers = |at: &usize| self.nodes[*at].api().send("GET", "sys/leader", "").is_ok();
        (0..self.nodes.len()).filter(|at| *at != leader).filter(answers).collect()
    }

    /// Waits until every node has a vote, so that the cluster outlives the loss of any one of them.
    ///
    /// # Panics
    /// They do not within a minute.
    pub fn wait_for_votes(&self) {
        wait("votes", || {
            let api = self.nodes[self.leader()].api();
            let answer = api.try_must("GET", "sys/storage/raft/configuration", &Value::Null).ok()?;
            let servers = answer["data"]["config"]["servers"].as_array()?;
            let voters = servers.iter().filter(|server| server["voter"] == true).count();
            (voters == self.nodes.len()).then_some(())
        });
    }

    /// Waits until every node that answers has what the leader has at `path`.
    ///
    /// # Panics
    /// They do not within a minute.
    pub fn wait_for(&self, path: &str) {
        let at_leader = self.nodes[self.leader()].api().get(path).1["data"].clone();
        for at in self.standbys() {
            let api = self.nodes[at].api();
            wait(path, || (api.get(path).1["data"] == at_leader).then_some(()));
        }
    }
}

fn leads(node: &Server) -> bool {
    let answer = node.api().try_must("GET", "sys/leader", &Value::Null);
    answer.is_ok_and(|answer| answer["is_self"] == true)
}

fn wait<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let deadline = Instant::now() + AGREE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "the cluster has not come to this within {AGREE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
