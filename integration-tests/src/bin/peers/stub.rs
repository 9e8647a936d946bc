//! Cold reads from a server that costs next to nothing: what the client alone spends.

use std::sync::Arc;

use crate::load::{CPU, grid, load, runtime};
use crate::reader::{Backend, Hyper, Reader, Reqwest, Strongroom, Vaultrs, Windowed};
use crate::report::{Bar, Section};
use crate::rounds::{Contender, Plan, interleave, named};
use crate::stub_server::Stub;

const REQWEST: &str = "reqwest";
const OURS: &str = "strongroom `get`";

pub(crate) fn run(plan: &Plan) -> Section {
    let stub = Stub::start();
    let target = stub.target();
    let reads = plan.count(30_000);
    let paths: Arc<[String]> = (0..reads).map(|at| format!("stub/customer/number-{at:06}")).collect();
    let runtime = runtime();
    let _inside = runtime.enter();
    let (ours, reqwest) = (Strongroom::new(&target), Reqwest::new(&target));
    let (vaultrs, hyper) = (Vaultrs::new(&target), Hyper::new(&target));
    let (mut grids, mut bars) = (Vec::new(), Vec::new());
    for concurrency in [8, 64] {
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
                contender("strongroom's backend, without the registry", Backend::of(&ours)),
                contender("reqwest, 8 in flight", Windowed::around(&reqwest, 8)),
                contender("vaultrs", vaultrs.clone()),
                contender("hyper with its pool", hyper.clone()),
            ],
        );
        if concurrency == 64 {
            let ratio = named(&figures, OURS).ratio(CPU, named(&figures, REQWEST), CPU);
            let what = "client CPU of a `get` to reqwest's, 64 at a time";
            bars.push(Bar::at_most(what, ratio, "x", 1.25, Some(1.0)));
        }
        grids.push(grid(format!("stub, {concurrency} at a time"), &figures));
    }
    let about = format!(
        "The same reads, {reads} different secrets a round, from a server in a process of its own that answers every \
         request alike with what OpenBao answered to such a read; the client's process is charged for its own CPU \
         time alone, the kernel's part included. {}",
        plan.medians()
    );
    Section { title: "What a cold read costs the client", about, grids, bars }
}
