//! Secrets that are not known yet, read from a real server.

use std::sync::Arc;
use std::thread;

use serde_json::json;
use strongroom_integration_tests::{Api, Server};

use crate::hvac::Hvac;
use crate::load::{P99, RATE, grid, load, runtime};
use crate::reader::{Reader, Reqwest, Strongroom, Target, VALUE, Vaultrs, Windowed};
use crate::report::{Bar, Section};
use crate::rounds::{Contender, Plan, interleave, named};

const REQWEST: &str = "reqwest";
const OURS: &str = "strongroom `get`";

pub(crate) fn run(plan: &Plan) -> Section {
    let server = Server::dev();
    let target = reading(&server);
    let paths = written(server.api(), "cold", plan.count(6_000));
    let runtime = runtime();
    let _inside = runtime.enter();
    let (ours, reqwest, vaultrs) = (Strongroom::new(&target), Reqwest::new(&target), Vaultrs::new(&target));
    let hvac = Hvac::start();
    let (mut grids, mut bars) = (Vec::new(), Vec::new());
    for concurrency in [1, 8, 64] {
        // A few at a time say as much about where the system lets the two processes run as about the clients: there, many
        // rounds say more than long ones.
        let (reads, rounds) =
            if concurrency <= 8 { (paths.len() / 6, 4 * plan.rounds) } else { (paths.len(), plan.rounds) };
        let plan = &Plan { rounds, ..*plan };
        let contender = |name: &str, reader: Arc<dyn Reader>| {
            let (runtime, paths) = (&runtime, &paths);
            Contender::new(name, move || {
                runtime.block_on(load(reader.clone().forgetful(), paths, reads, concurrency))
            })
        };
        let figures = interleave(
            plan,
            vec![
                contender(REQWEST, reqwest.clone()),
                contender(OURS, ours.clone()),
                contender("reqwest, 8 in flight", Windowed::around(&reqwest, 8)),
                contender("vaultrs", vaultrs.clone()),
                Contender::new("hvac (threads)", || hvac.load(&target, &paths, reads / 5, concurrency)),
            ],
        );
        let ratio = |column| named(&figures, OURS).ratio(column, named(&figures, REQWEST), column);
        let must = if concurrency == 64 { 0.95 } else { 0.97 };
        let what = format!("rate of `get` to reqwest's, {concurrency} at a time");
        bars.push(Bar::at_least(what, ratio(RATE), "x", must, Some(1.0)));
        if concurrency == 64 {
            let what = "p99 of `get` to reqwest's, 64 at a time, 8 in flight";
            bars.push(Bar::at_most(what, ratio(P99), "x", 0.4, Some(0.3)));
        }
        grids.push(grid(format!("OpenBao, {concurrency} at a time"), &figures));
    }
    let about = format!(
        "`get` of a field of a KV v2 secret from a real OpenBao {} over plain HTTP, on kept connections. Every read \
         goes to the server: each round reads {} different secrets, and Strongroom through a registry that has seen \
         none of them, over the same backend with its open connections; so slot, cell, flight, document and text are \
         made each time. The in-flight window is the default, 8. reqwest is by itself, as it \
         comes, without timeouts; hvac has a thread for each reader and reads a fifth. \
         Client and server share the cores. {} One and eight at a time: four times as many rounds of a sixth of the secrets.",
        strongroom_integration_tests::binary::VERSION,
        paths.len(),
        plan.medians()
    );
    Section { title: "Cold reads", about, grids, bars }
}

/// A token that may read and list the mount `secret`, and nothing else.
pub(crate) fn reading(server: &Server) -> Target {
    let api = server.api();
    api.policy("reader", r#"path "secret/*" { capabilities = ["read", "list"] }"#);
    let token = api.create_token(&json!({"policies": ["reader"], "ttl": "2h"}));
    Target { address: server.address(), token }
}

/// So many secrets below a path, written by several threads.
pub(crate) fn written(api: &Api, below: &str, count: usize) -> Arc<[String]> {
    let paths: Vec<String> = (0..count).map(|at| format!("{below}/customer/number-{at:06}")).collect();
    let fields = &json!({ "name": VALUE });
    thread::scope(|scope| {
        for part in paths.chunks(count.div_ceil(8)) {
            scope.spawn(move || {
                for path in part {
                    api.write_kv2("secret", path, fields);
                }
            });
        }
    });
    paths.into()
}
