//! Which crate may know which: the compiler holds it as long as the manifests do.

use std::{collections::BTreeSet, path::Path};

/// A crate, those of ours that it may depend on, and what it must never depend on.
const BORDERS: [(&str, &[&str], &[&str]); 5] = [
    ("core", &[], &["tokio", "tokio-postgres", "sqlx", "ratatui", "crossterm"]),
    ("connect", &["core"], &["ratatui", "crossterm"]),
    ("cluster", &[], &["ratatui", "crossterm", "tokio-postgres"]),
    ("db", &["core", "connect"], &["ratatui", "crossterm"]),
    ("tui", &["core"], &["sqlx", "tokio-postgres"]),
];

fn dependencies(folder: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().cloned().collect()
}

#[test]
fn database_core_and_screen_do_not_know_each_other() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates");
    for (name, ours, never) in BORDERS {
        let found = dependencies(&crates.join(name));
        for dependency in &found {
            assert!(!never.contains(&dependency.as_str()), "{name} depends on {dependency}");
            let own = dependency.strip_prefix("refreshtop-");
            assert!(own.is_none_or(|own| ours.contains(&own)), "{name} depends on {dependency}");
        }
        assert!(!found.is_empty(), "{name}");
    }
    assert_eq!(std::fs::read_dir(&crates).unwrap().count(), BORDERS.len(), "every crate has its borders");
}

#[test]
fn what_is_shipped_holds_no_fixtures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    let shipped = toml::to_string(&manifest["dependencies"]).unwrap();
    assert!(!shipped.contains("fixtures"), "{shipped}");
    for name in ["core", "tui"] {
        let text = std::fs::read_to_string(root.join("crates").join(name).join("Cargo.toml")).unwrap();
        let manifest: toml::Table = text.parse().unwrap();
        assert!(!manifest["features"].as_table().unwrap().contains_key("default"), "{name}");
    }
}
