//! temporary
use larder::*;
#[test]
fn smoke() {
    let t = std::time::Instant::now();
    let cache = Cache::temporary().unwrap();
    println!("open {:?}", t.elapsed());
    println!("{:?}", cache.info().unwrap());
    cache.set("a", "b").unwrap();
    assert_eq!(cache.get("a").unwrap(), Some("b".into()));
    let n = 20000u32;
    let t = std::time::Instant::now();
    for i in 0..n { cache.set(i64::from(i % 100), vec![7u8; 250]).unwrap(); }
    println!("set {:?}", t.elapsed() / n);
    let t = std::time::Instant::now();
    for i in 0..n { cache.get(i64::from(i % 100)).unwrap().unwrap(); }
    println!("get {:?}", t.elapsed() / n);
    let cache2 = Cache::open(cache.directory()).unwrap();
    assert_eq!(cache2.get("a").unwrap(), Some("b".into()));
    let big = vec![3u8; 1_000_000];
    let t = std::time::Instant::now();
    for i in 0..20 { cache.set(format!("big{i}"), &big).unwrap(); }
    println!("set 1MB {:?}", t.elapsed() / 20);
    let t = std::time::Instant::now();
    for i in 0..20 { assert_eq!(cache2.get(format!("big{i}")).unwrap(), Some((&big).into())); }
    println!("get 1MB {:?}", t.elapsed() / 20);
    println!("{:?} {:?}", cache.check().unwrap(), cache.stats().unwrap());
}
