// Fills a HashMap with as many keys as the argument says, and many small ones.
use std::collections::HashMap;

fn main() {
    let keys: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(3_000_000);
    let mut large = HashMap::new();
    for key in 0..keys {
        large.insert(key, key.to_string());
    }
    for round in 0..keys / 1000 {
        let small: HashMap<u64, u64> = (0..100).map(|key| (key, round)).collect();
        assert_eq!(small.len(), 100);
    }
    assert_eq!(large.len() as u64, keys);
}
