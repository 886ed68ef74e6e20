//! Scheduling at 500 hosts with 10,000 VMs: how long a decision takes, and how many moves each policy needs until it rests. In the program's
//! own process, on hosts that are not there; prints a Markdown table (docs/benchmarks.md).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark that cannot go on has failed; it prints its table"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};
use vireo::engine::scheduler::simulation::Simulation;

const HOSTS: usize = 500;
const VMS: usize = 10_000;
const DECISIONS: usize = 500;
const MOST_MOVES: usize = 20_000;

fn main() {
    println!("\n## Scheduling: {HOSTS} hosts, {VMS} VMs\n");
    println!(
        "| policy | a start, µs (p50 / p99) | a move, µs (p50 / p99) | moves | busiest host before → after | VMs of a host before → after | empty hosts before → after |"
    );
    println!("|---|---|---|---|---|---|---|");
    for policy in ["none", "evenly_distributed", "power_saving", "vm_evenly_distributed"] {
        println!("{}", row(policy));
    }
}

fn row(policy: &str) -> String {
    let mut all = Simulation::new(policy, HOSTS, VMS).unwrap();
    let before = all.spread();
    let starts = (0..DECISIONS).map(|_| timed(|| black_box(all.start().map(str::len))).1).collect();
    let mut moves = Vec::new();
    while moves.len() < MOST_MOVES {
        let (moved, took) = timed(|| all.step());
        if !moved {
            break;
        }
        moves.push(took);
    }
    let after = all.spread();
    format!(
        "| {policy} | {} | {} | {} | {:.0} → {:.0} % | {}–{} → {}–{} | {} → {} |",
        percentiles(starts),
        percentiles(moves.clone()),
        moves.len(),
        before.1,
        after.1,
        before.4,
        before.3,
        after.4,
        after.3,
        before.0,
        after.0,
    )
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = run();
    (done, begun.elapsed())
}

fn percentiles(mut all: Vec<Duration>) -> String {
    if all.is_empty() {
        return "–".to_owned();
    }
    all.sort();
    let at = |percent: usize| all[(all.len() - 1) * percent / 100].as_micros();
    format!("{} / {}", at(50), at(99))
}
