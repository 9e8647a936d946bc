//! What parsing a reference costs.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use strongroom_core::Reference;

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("reference/parse");
    for (name, text) in [
        ("plain", "{vault://hashicorp-vault/customer/acme/name}"),
        ("escape", "{vault://hashicorp-vault/customer/acme%2Finc/name}"),
        ("options and version", "{vault://hashicorp-vault/customer/acme/name?ttl=60&base64_decode#3}"),
    ] {
        group.bench_function(name, |b| b.iter(|| Reference::parse(black_box(text))));
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
