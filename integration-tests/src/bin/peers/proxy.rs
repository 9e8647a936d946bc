//! One secret, read again and again: from memory, from the server, and by way of `bao proxy`.

use std::sync::Arc;

use strongroom_integration_tests::Server;

use crate::bao_proxy::BaoProxy;
use crate::cold::{reading, written};
use crate::load::{RATE, grid, load, runtime};
use crate::reader::{Reader, Reqwest, Strongroom};
use crate::report::{Section, number};
use crate::rounds::{Contender, Plan, interleave, named};

const DIRECT: &str = "reqwest, straight to the server";
const TCP: &str = "reqwest, `bao proxy` by TCP";
const OURS: &str = "strongroom `get`, from memory";

pub(crate) fn run(plan: &Plan) -> Section {
    let server = Server::dev();
    let target = reading(&server);
    let paths = written(server.api(), "proxy", 1);
    let proxy = BaoProxy::in_front_of(&target);
    let runtime = runtime();
    let _inside = runtime.enter();
    let (ours, direct) = (Strongroom::new(&target), Reqwest::new(&target));
    let (tcp, unix) = (Reqwest::new(&proxy.target(&target)), Reqwest::over_socket(&proxy.socket(), &target));
    let (mut grids, mut times) = (Vec::new(), String::new());
    for concurrency in [1, 8, 64] {
        let contender = |name: &str, reads: usize, reader: Arc<dyn Reader>| {
            let (runtime, paths) = (&runtime, &paths);
            let reads = plan.count(reads);
            Contender::new(name, move || runtime.block_on(load(reader.clone(), paths, reads, concurrency)))
        };
        let reads = if concurrency == 1 { 600 } else { 1_500 };
        let figures = interleave(
            plan,
            vec![
                contender(DIRECT, 3 * reads, direct.clone()),
                contender(TCP, reads, tcp.clone()),
                contender("reqwest, `bao proxy` by unix socket", reads, unix.clone()),
                contender(OURS, 500_000, ours.clone()),
            ],
        );
        if concurrency == 1 {
            times = number(named(&figures, OURS).ratio(RATE, named(&figures, TCP), RATE));
        }
        grids.push(grid(format!("one secret, {concurrency} at a time"), &figures));
    }
    let about = format!(
        "`bao proxy` {} with its cache turned on, plain HTTP on kept connections, every client with the same token. \
         It has no cache for KV, so every read goes through it to the server. Strongroom reads the secret once and \
         then from memory, which is {times} times as many reads in a second as by way of the proxy, one at a time; \
         composing the reference's text, copying the value and the clock are part of each of its reads. {}",
        strongroom_integration_tests::binary::VERSION,
        plan.medians()
    );
    Section { title: "Beside `bao proxy`", about, grids, bars: Vec::new() }
}
