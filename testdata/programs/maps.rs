//! HashMaps and HashSets in the ways a program uses them. Prints what is true:
//!
//!     table NAME ADDRESS SIZE RESIZES   each table that is alive at the end;
//!                                       its object is SIZE bytes at ADDRESS
//!     total RESIZES                     of all tables that ever were
//!
//! Ends without destructors if called with "quick".
use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

static TOTAL: AtomicUsize = AtomicUsize::new(0);

/// A resize replaces one array by another: getting the first one is none, and
/// neither is giving the last one back.
fn count(before: usize, after: usize) -> usize {
    let replaced = (before != after && before > 0 && after > 0) as usize;
    TOTAL.fetch_add(replaced, Ordering::Relaxed);
    replaced
}

fn fill(table: &mut HashMap<u64, u64>, from: u64, to: u64) -> usize {
    (from..to)
        .map(|key| {
            let before = table.capacity();
            table.insert(key, key);
            // Removals lower the capacity until the table is cleaned up, but
            // there are none here.
            count(before, table.capacity())
        })
        .sum()
}

fn print<Table>(name: &str, table: &Table, resizes: usize) {
    println!("table {} {:p} {} {}", name, table, std::mem::size_of::<Table>(), resizes);
}

fn words(number: u64) -> usize {
    let mut table: HashSet<String> = HashSet::new();
    (0..number)
        .map(|key| {
            let before = table.capacity();
            table.insert(key.to_string());
            count(before, table.capacity())
        })
        .sum()
}

fn main() {
    let mut local = HashMap::new();
    let resizes = fill(&mut local, 0, 100_000);
    print("local", &local, resizes);

    let mut boxed = Box::new(HashMap::new());
    let resizes = fill(&mut boxed, 0, 5_000);
    print("boxed", &*boxed, resizes);

    let mut reserved = HashMap::with_capacity(3_000);
    let resizes = fill(&mut reserved, 0, 20_000);
    print("reserved", &reserved, resizes);

    let mut shrunk = HashMap::new();
    let mut resizes = fill(&mut shrunk, 0, 10_000);
    shrunk.clear();
    resizes += fill(&mut shrunk, 0, 100);
    let before = shrunk.capacity();
    shrunk.shrink_to_fit();
    resizes += count(before, shrunk.capacity());
    print("shrunk", &shrunk, resizes);

    let mut copy = local.clone();
    let resizes = fill(&mut copy, 100_000, 300_000);
    print("copy", &copy, resizes);

    for _ in 0..20 {
        words(2_000);
    }

    let threads: Vec<_> = (0..8)
        .map(|_| {
            std::thread::spawn(|| {
                let mut tables: Vec<HashMap<u64, u64>> = (0..20).map(|_| HashMap::new()).collect();
                for round in 1..=10 {
                    for table in tables.iter_mut() {
                        let size = table.len() as u64;
                        fill(table, size, round * 200);
                    }
                }
                words(500);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }

    println!("total {}", TOTAL.load(Ordering::Relaxed));
    std::io::stdout().flush().unwrap();
    if std::env::args().nth(1).as_deref() == Some("quick") {
        // Not std::process::exit: that runs atexit handlers.
        extern "C" {
            fn _exit(status: i32) -> !;
        }
        unsafe { _exit(0) }
    }
}
