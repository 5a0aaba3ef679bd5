//! What is made of the definitions is what is committed. `REFRESHTOP_BLESS=1 cargo test --test program definitions` writes
//! it anew.

use super::{app_with, run};
use clap_complete::Shell;
use refreshtop::{cli, command::definitions};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Compares the files of a folder with what they should be.
fn compare(folder: &str, wanted: &BTreeMap<String, String>) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    if std::env::var_os("REFRESHTOP_BLESS").is_some() {
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        fs::create_dir_all(&folder).unwrap();
        for (name, text) in wanted {
            fs::write(folder.join(name), text).unwrap();
        }
    }
    let names = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let committed: BTreeMap<String, String> =
        names.map(|name| (name.clone(), fs::read_to_string(folder.join(name)).unwrap())).collect();
    for (name, text) in wanted {
        assert_eq!(
            committed.get(name),
            Some(text),
            "{name} has drifted; see the head of tests/program/command/definitions.rs"
        );
    }
    assert_eq!(committed.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "in {}", folder.display());
}

#[test]
fn help() {
    fn add(command: &mut clap::Command, name: &str, texts: &mut BTreeMap<String, String>) {
        let text = command.render_long_help().to_string();
        let text: String = text.lines().map(|line| line.trim_end().to_owned() + "\n").collect();
        texts.insert(format!("{name}.txt"), text);
        let children: Vec<String> = command.get_subcommands().map(|child| child.get_name().to_owned()).collect();
        for child in children.iter().filter(|child| *child != "help") {
            add(command.find_subcommand_mut(child).unwrap(), &format!("{name}-{child}"), texts);
        }
    }
    let mut texts = BTreeMap::new();
    let mut program = cli::command().term_width(100);
    program.build();
    add(&mut program, "refreshtop", &mut texts);
    compare("docs/help", &texts);
}

#[test]
fn manual_pages() {
    let pages = definitions::pages().unwrap();
    compare("docs/man", &pages.into_iter().map(|(name, text)| (format!("{name}.1"), text)).collect());
}

#[test]
fn completions() {
    let files = [
        (Shell::Bash, "refreshtop.bash"),
        (Shell::Zsh, "_refreshtop"),
        (Shell::Fish, "refreshtop.fish"),
        (Shell::Elvish, "refreshtop.elv"),
        (Shell::PowerShell, "_refreshtop.ps1"),
    ];
    let files = files.map(|(shell, name)| (name.to_owned(), definitions::completions(shell)));
    compare("assets/completions", &files.into_iter().collect());
}

/// Every option of a command that can be set in the file is in the sample, and the sample is nothing but defaults.
#[test]
fn the_sample_has_every_option() {
    let sample = include_str!("../../../config.example.toml");
    refreshtop::settings::File::parse(Path::new("sample"), sample).unwrap();
    for command in refreshtop::settings::commands::names() {
        let (_, section) =
            sample.split_once(&format!("# [commands.{command}]\n")).unwrap_or_else(|| panic!("{command}"));
        let section = section.split("\n# [commands.").next().unwrap();
        for option in refreshtop::settings::commands::options(command).unwrap() {
            assert!(
                section.contains(&format!("\n# {option} = ")) || section.starts_with(&format!("# {option} = ")),
                "{command}: {option}"
            );
        }
    }
    let without_comments = sample.split("# [commands.").skip(1).fold(String::new(), |all, section| {
        // Figures are written or served.
        let wanted = |line: &&str| line.contains(" = ") && !line.starts_with("textfile = ");
        let lines = section.lines().skip(1).filter_map(|line| line.strip_prefix("# ")).filter(wanted);
        let name = section.split(']').next().unwrap();
        format!("{all}[commands.{name}]\n{}\n", lines.collect::<Vec<_>>().join("\n"))
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    fs::write(&path, &without_comments).unwrap();
    let options = cli::Cli::read(["refreshtop", "--config", path.to_str().unwrap()]).unwrap().options;
    refreshtop::settings::commands::check(&options, &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}"));
}

/// Every name of a member, however deep it stands.
fn members(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            names.extend(object.keys().cloned());
            object.values().for_each(|value| members(value, names));
        }
        Value::Array(values) => values.iter().for_each(|value| members(value, names)),
        _ => {}
    }
}

/// The words of a row of docs/json.md that stand in backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What programs are promised is what they get: each member is documented, and the lists of the parts are complete.
#[tokio::test]
async fn the_document_names_every_member_of_the_answers() {
    let document = include_str!("../../../docs/json.md");
    let parts = document.split_once("## Parts").unwrap().1;
    let row = |part: &str| {
        let row = parts.lines().find_map(|line| line.strip_prefix(&format!("| {part} | ")));
        row.unwrap_or_else(|| panic!("docs/json.md has no row {part}"))
    };
    let mut documented = quoted(document);
    // An example names those of a part that is missing.
    documented.extend(["unavailable", "reason", "mend"].map(str::to_owned));
    assert!(document.contains(r#"{"unavailable": {"reason": "…", "mend": "…"}}"#));
    let url = app_with(3, 2).await;
    for line in [
        "status",
        "stats",
        "logs",
        "trigger",
        "job",
        "job runs",
        "job pause",
        "job every '*/10 * * * *'",
        "cleanup",
        "migrate",
        "migrate status",
        "doctor",
        "doctor --details --analyze",
    ] {
        let answer = run(&url, &format!("{line} --json")).await.json();
        let kind = answer["kind"].as_str().unwrap();
        assert!(document.contains(&format!("`{kind}`")), "{kind} of {line} has no row");
        let mut names = BTreeSet::new();
        members(&answer, &mut names);
        let unknown: Vec<_> = names.difference(&documented).collect();
        assert!(unknown.is_empty(), "{line}: docs/json.md does not name {unknown:?}");
    }
    let status = run(&url, "status --json").await.json();
    for (part, value) in
        [("`server`", &status["server"]), ("`stats`", &status["stats"]), ("`figures`", &status["figures"])]
    {
        let mut names = BTreeSet::new();
        members(value, &mut names);
        assert_eq!(names, quoted(row(part)), "{part}");
    }
    // A job that is missing has the members of one that is there.
    let wanted = ["active", "database", "last", "name", "next_run_at", "schedule"].map(str::to_owned).into();
    assert!(quoted(row("job")).is_superset(&wanted));
    for job in run(&url, "job --json").await.json()["jobs"].as_array().into_iter().flatten() {
        assert_eq!(job.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>(), wanted, "{job}");
    }
}
