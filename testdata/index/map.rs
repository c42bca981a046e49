// HashMaps of several types, whose growth rustc leaves out of line or inlines.
use std::collections::HashMap;

#[derive(Hash, PartialEq, Eq)]
struct Order(u32, String);

#[inline(never)]
fn count(words: u32) -> usize {
    let mut numbers: HashMap<u32, u64> = HashMap::new();
    let mut orders: HashMap<Order, Vec<u8>> = HashMap::with_capacity(3);
    for i in 0..words {
        *numbers.entry(i % 777).or_default() += u64::from(i);
        orders.insert(Order(i, i.to_string()), vec![1; 3]);
    }
    numbers.len() + orders.len()
}

fn main() {
    println!("{}", count(5000 + std::env::args().count() as u32));
}
