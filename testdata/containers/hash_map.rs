// std::collections::HashMap and HashSet, that is, hashbrown.
use std::collections::{HashMap, HashSet};

fn change(before: usize, after: usize) -> u64 {
    (before != after && before != 0 && after != 0) as u64
}

fn main() {
    let mut map: HashMap<u64, u64> = HashMap::new();
    let mut set: HashSet<String> = HashSet::new();
    let mut resizes = 0;
    let mut many: Vec<HashMap<u32, u32>> = Vec::new();

    for i in 0..50000u64 {
        let (a, b) = (map.capacity(), set.capacity());
        map.insert(i, i);
        set.insert(format!("key {}", i));
        resizes += change(a, map.capacity()) + change(b, set.capacity());
    }
    for i in 0..20u32 {
        many.push(HashMap::new()); // the vector moves the tables
        for table in many.iter_mut() {
            for n in 0..40 {
                let before = table.capacity();
                table.insert(i * 1000 + n, n);
                resizes += change(before, table.capacity());
            }
        }
    }
    map.retain(|key, _| *key < 100);
    let before = map.capacity();
    map.shrink_to_fit();
    resizes += change(before, map.capacity());
    println!("resizes {}", resizes);
}
