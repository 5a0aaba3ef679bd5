//! Attacks: somebody with small rights lays a trap where people with great rights will come by, and gains nothing.
//!
//! Each attack is tried in several variants on three kinds of installations; see [`scene::Migrator`]. `cargo test` tries one
//! variant on one of them, `make attacks` all others. `attacks_are_counted` tells how many there are. What needs `pg_cron` passes without a word
//! where it is not installed. Beside them, [`cases`]: deployments as they exist, and what happens to an installation.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail the test")]

/// Tests of one attack, for each of its variants and each kind of migrator that it concerns. `make test` tries the first
/// variant on the first kind, mostly the superuser, who has the most to lose; all of them take many minutes.
macro_rules! attack {
    ($name:ident by $by:tt) => {
        mod $name {
            async fn attacked(scene: $crate::scene::Scene) {
                super::$name(scene).await;
            }
            attack!(@each $by);
        }
    };
    ($name:ident { $first:ident: $value:expr $(, $other:ident: $others:expr)* $(,)? } by $by:tt) => {
        mod $name {
            attack!(@variant $name $first $value, @each $by);
            $(attack!(@variant $name $other $others, @later $by);)*
        }
    };
    (@variant $name:ident $variant:ident $value:expr, @$when:ident $by:tt) => {
        mod $variant {
            #[allow(unused_imports, reason = "not every value needs a name from there")]
            use super::super::*;
            async fn attacked(scene: $crate::scene::Scene) {
                super::super::$name(scene, $value).await;
            }
            attack!(@$when $by);
        }
    };
    (@each [$first:ident $(, $other:ident)*]) => {
        #[tokio::test]
        async fn $first() {
            attacked($crate::scene::Scene::migrated_by(stringify!($first)).await).await;
        }
        attack!(@later [$($other),*]);
    };
    (@later [$($other:ident),*]) => {
        $(#[tokio::test]
        #[ignore = "make attacks runs it"]
        async fn $other() {
            attacked($crate::scene::Scene::migrated_by(stringify!($other)).await).await;
        })*
    };
}

mod application;
mod cases;
mod client;
mod copies;
mod figures;
mod jobs;
mod log;
mod roles;
mod scene;
mod schemas;
mod sequences;
mod sources;
#[path = "../support/mod.rs"]
mod support;
mod view;

use std::collections::BTreeMap;

#[test]
fn attacks_are_counted() {
    let listed = std::process::Command::new(std::env::current_exe().unwrap()).args(["--list"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let mut cases: BTreeMap<&str, usize> = BTreeMap::new();
    for test in listed.lines().filter_map(|line| line.strip_suffix(": test")) {
        if let Some((case, "superuser" | "owner" | "managed")) = test.rsplit_once("::") {
            *cases.entry(case).or_default() += 1;
        }
    }
    let tests: usize = cases.values().sum();
    println!("{} attacks, {tests} with the kinds of migrators that they concern", cases.len());
    assert!(cases.len() > 50, "{cases:?}");
}
