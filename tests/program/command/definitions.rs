//! What is made of the command line's definition: help, manual pages, completions; and what documents say of it.

use super::{app_with, run};
use clap_complete::Shell;
use refreshtop::{cli, command::definitions};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

/// The options that every command has stand in full once, at the end.
#[test]
fn help() {
    fn add(command: &mut clap::Command, name: &str, texts: &mut Vec<(String, String)>) {
        let text = command.render_long_help().to_string();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        texts.push((name.to_owned(), lines.join("\n")));
        let children: Vec<String> = command.get_subcommands().map(|child| child.get_name().to_owned()).collect();
        for child in children.iter().filter(|child| *child != "help") {
            add(command.find_subcommand_mut(child).unwrap(), &format!("{name} {child}"), texts);
        }
    }
    let mut texts = Vec::new();
    let mut program = cli::command_with_help().term_width(100);
    program.build();
    add(&mut program, "refreshtop", &mut texts);
    let mut all = String::new();
    for (name, text) in &texts {
        // A person reads it in one piece.
        assert!(text.lines().count() <= 75, "{name}: {} lines", text.lines().count());
        all.extend(["$ ", name, " --help\n", text, "\n\n"]);
    }
    let options = cli::options().to_string();
    let options: Vec<&str> = options.lines().map(str::trim_end).collect();
    all.extend(["$ refreshtop options\n", &options.join("\n"), "\n"]);
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(|| insta::assert_snapshot!("help", all));
}

/// `scripts/write-pages` starts at the program's page and follows the names.
#[test]
fn manual_pages_are_well_formed_and_lead_to_each_other() {
    let pages = definitions::pages().unwrap();
    let names: BTreeSet<&str> = pages.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.len() > 25, "{names:?}");
    let mut mentioned = BTreeSet::from(["refreshtop".to_owned()]);
    for (name, text) in &pages {
        assert!(text.contains(&format!("\n.TH {} 1 ", name.to_uppercase())), "{name}: {text}");
        let headings: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
        assert_eq!(headings[..3], ["NAME", "SYNOPSIS", "DESCRIPTION"], "{name}");
        assert!(headings.contains(&"\"OPTIONS OF EVERY COMMAND\""), "{name}: {headings:?}");
        let heading = name.replace('-', r"\-");
        assert!(text.contains(&format!(".SH NAME\n{heading} \\- ")), "{name}: {text}");
        let known = [".IP", ".RE", ".RS", ".SH ", ".TH ", ".TP", ".br", ".ds ", ".el ", ".ie "];
        for line in text.lines().filter(|line| line.starts_with(['.', '\''])) {
            assert!(known.iter().any(|request| line.starts_with(request)), "{name}: {line}");
        }
        assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{name}");
        let others = text.lines().filter_map(|line| line.strip_prefix(r"refreshtop\-")?.strip_suffix("(1)"));
        mentioned.extend(others.map(|rest| format!("refreshtop-{}", rest.replace(r"\-", "-"))));
    }
    assert_eq!(mentioned.iter().map(String::as_str).collect::<BTreeSet<_>>(), names);
}

#[test]
fn completions_know_every_command_and_their_shells_can_read_them() {
    let program = cli::command();
    for (shell, reader) in [
        (Shell::Bash, Some("bash")),
        (Shell::Zsh, Some("zsh")),
        (Shell::Fish, Some("fish")),
        (Shell::Elvish, None),
        (Shell::PowerShell, None),
    ] {
        let script = definitions::completions(shell);
        for command in program.get_subcommands() {
            assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
        }
        for option in ["success-critical", "failed", "listen"] {
            assert!(script.contains(option), "{shell}: {option}");
        }
        let Some(reader) = reader else { continue };
        let started = Command::new(reader).arg("-n").stdin(Stdio::piped()).spawn();
        // Every Debian has bash; the others are tried where they are installed.
        let Ok(mut child) = started else {
            assert_ne!(reader, "bash", "bash is missing");
            continue;
        };
        child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{reader} can't read its completions");
    }
}

/// Every option of a command that can be set in the file is in the sample, and the sample is nothing but defaults.
#[test]
fn the_sample_has_every_option() {
    let sample = include_str!("../../../config.example.toml");
    refreshtop::settings::File::parse(Path::new("sample"), sample).unwrap();
    for command in refreshtop::settings::options::commands() {
        let (_, section) =
            sample.split_once(&format!("# [commands.{command}]\n")).unwrap_or_else(|| panic!("{command}"));
        let section = section.split("\n# [commands.").next().unwrap();
        for option in refreshtop::settings::options::of(command).unwrap() {
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
    let line = ["refreshtop", "--config", path.to_str().unwrap()].map(Into::into);
    refreshtop::settings::check_commands(&line, &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}"));
}

/// Every name of a member, at any depth.
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

/// The words in backticks of a row of docs/json.md.
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
    documented.extend(["unavailable", "reason", "fix"].map(str::to_owned));
    assert!(document.contains(r#"{"unavailable": {"reason": "…", "fix": "…"}}"#));
    let url = app_with(3, 2).await;
    for line in [
        "status",
        "stats",
        "incidents",
        "runs",
        "runs show ID",
        "config show",
        "cleanup --dry-run",
        "trigger",
        "views add --all --yes",
        "views add --all --dry-run",
        "views set platform_metrics lock_timeout=6s",
        "job",
        "job runs",
        "job pause",
        "job every '*/10 * * * *'",
        "cleanup",
        "migrate",
        "migrate status",
        "views",
        "views show platform_metrics",
        "views tree",
        "doctor",
        "doctor --details --analyze",
    ] {
        let newest = run(&url, "runs --json --failed").await.json()["runs"][0]["id"].as_str().unwrap().to_owned();
        let answer = run(&url, &format!("{} --json", line.replace("ID", &newest))).await.json();
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
