//! README and docs/ describe what the program does: if they differ, one of these tests fails.

use refreshtop::{
    cli::{self, Cli},
    settings::layer::{Layer, variable},
};
use refreshtop_core::{exit, health::Thresholds, limits::USUAL_WINDOW};
use refreshtop_tui::keys::KeyMap;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

const README: &str = include_str!("../../README.md");
const COMMANDS: &str = include_str!("../../docs/commands.md");
const DATABASE: &str = include_str!("../../docs/database.md");
const HEALTH: &str = include_str!("../../docs/health.md");
const INSTALL: &str = include_str!("../../docs/install.md");
const MONITOR: &str = include_str!("../../docs/monitor.md");
const SETTINGS: &str = include_str!("../../docs/settings.md");
const SUMMARY: &str = include_str!("../../docs/SUMMARY.md");

/// Every page of docs/ with its text, by its path.
fn pages() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let pages = names.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    pages
        .map(|path| {
            (format!("docs/{}", path.file_name().unwrap().to_str().unwrap()), fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// Everything that is written for people, by its path.
fn documents() -> BTreeMap<String, String> {
    let root = [
        ("README.md", README),
        ("ARCHITECTURE.md", include_str!("../../ARCHITECTURE.md")),
        ("CHANGELOG.md", include_str!("../../CHANGELOG.md")),
        ("CONTRIBUTING.md", include_str!("../../CONTRIBUTING.md")),
    ];
    let mut documents = pages();
    documents.extend(root.map(|(name, text)| (name.to_owned(), text.to_owned())));
    documents
}

/// What the links of `text` lead to.
fn targets(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

/// The text of a page below a heading, up to the next one.
fn section<'a>(page: &'a str, heading: &str) -> &'a str {
    let (_, rest) = page.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let level = heading.bytes().take_while(|byte| *byte == b'#').count();
    let ends = (1..=level).filter_map(|depth| rest.find(&format!("\n{} ", "#".repeat(depth))));
    &rest[..ends.min().unwrap_or(rest.len())]
}

/// The cells of the first table in `text`, without its heading.
fn table(text: &str) -> Vec<Vec<String>> {
    let rows = text.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.skip(2).map(cells).collect()
}

/// Fenced blocks of `text` with this language.
fn blocks<'a>(text: &'a str, language: &str) -> Vec<&'a str> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("```") {
        let Some((block, next)) = after.split_once("```") else { panic!("a fence is not closed") };
        if let Some((first, body)) = block.split_once('\n')
            && first == language
        {
            blocks.push(body);
        }
        rest = next;
    }
    blocks
}

#[test]
fn the_keys_are_those_of_the_key_map() {
    let wanted: Vec<Vec<String>> = KeyMap::default()
        .bindings()
        .iter()
        .map(|binding| {
            let names: Vec<String> = binding.keys.iter().map(|key| format!("`{}`", key.name())).collect();
            vec![names.join(", "), binding.help.to_owned()]
        })
        .collect();
    assert_eq!(table(section(MONITOR, "## Keys")), wanted);
}

#[test]
fn the_help_that_is_shown_is_the_programs() {
    let help = cli::command().term_width(100).render_help().to_string();
    let shown = blocks(COMMANDS, "text");
    assert_eq!(shown.len(), 1);
    for excerpt in shown {
        assert!(help.contains(excerpt), "the program says:\n{help}");
    }
}

#[test]
fn every_setting_is_in_the_table() {
    let shown: Vec<Vec<String>> = table(SETTINGS).into_iter().map(|row| row[..2].to_vec()).collect();
    let wanted: Vec<Vec<String>> = <Layer as clap::Args>::augment_args(clap::Command::new(""))
        .get_arguments()
        .filter_map(|arg| arg.get_long())
        .map(|flag| vec![format!("`--{flag}`"), format!("`{}`", variable(flag))])
        .collect();
    assert_eq!(shown, wanted);
}

#[test]
fn the_exit_codes_are_those_of_the_program() {
    let shown: Vec<u8> = table(section(COMMANDS, "## Exit codes")).iter().map(|row| row[0].parse().unwrap()).collect();
    let wanted = [
        exit::OK,
        exit::USAGE,
        exit::NOT_MIGRATED,
        exit::CANNOT_CONNECT,
        exit::FAILURE,
        exit::TERMINAL_STUCK,
        exit::ALREADY_RUNNING,
        exit::NOT_PERMITTED,
        exit::SETTINGS,
    ];
    assert_eq!(shown, wanted);
    assert_eq!([exit::WARNING, exit::CRITICAL, exit::UNKNOWN], [1, 2, 3], "named below the table");
}

/// What a restart can't fix: the unit's numbers are the program's.
#[test]
fn the_unit_gives_up_where_a_person_must_look() {
    let unit = include_str!("../../assets/refreshtop-schedule.service");
    let wanted = [exit::USAGE, exit::NOT_MIGRATED, exit::NOT_PERMITTED, exit::SETTINGS].map(|code| code.to_string());
    assert!(unit.contains(&format!("\nRestartPreventExitStatus={}\n", wanted.join(" "))));
    // Without a reader of its output it ends with 0.
    assert!(unit.contains("\nRestart=always\n"));
}

#[test]
fn the_limits_of_the_health_rules_are_the_defaults() {
    let limits = Thresholds::default();
    let (_, budget) = HEALTH.split_once("## The budget of the window").unwrap();
    let shown: Vec<String> = table(budget).into_iter().map(|mut row| row.swap_remove(1)).collect();
    let wanted = [
        format!("{} h", USUAL_WINDOW.as_secs() / 3_600),
        format!("{} %", limits.success_critical),
        format!("{} %", limits.success_warning),
        format!("{} s", limits.average_duration.as_secs()),
        format!("{} min", limits.freshness.as_secs() / 60),
    ];
    assert_eq!(shown, wanted);
}

#[test]
fn every_command_that_is_shown_parses() {
    let mut seen = BTreeSet::new();
    for (name, text) in documents() {
        let lines = blocks(&text, "sh").into_iter().flat_map(str::lines).filter(|line| line.starts_with("refreshtop"));
        let inline = text.split('`').skip(1).step_by(2).filter(|code| code.starts_with("refreshtop "));
        for line in lines.chain(inline.filter(|code| !code.contains('\n'))) {
            // An ellipsis means any value. A text in quotes is one word.
            let line = line.split(" | ").next().unwrap().replace('…', "postgres://host/database");
            let parts = line.split('\'').enumerate();
            let words = parts.flat_map(|(at, part)| match at % 2 {
                1 => vec![part],
                _ => part.split_whitespace().collect(),
            });
            let read = Cli::read(words);
            assert!(read.is_ok(), "{name}: {line}: {}", read.unwrap_err());
            seen.insert(line);
        }
    }
    assert!(seen.len() >= 30, "{seen:?}");
}

#[test]
fn links_lead_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents = documents();
    for (name, text) in &documents {
        let folder = root.join(name).parent().unwrap().to_owned();
        for target in targets(text).filter(|target| !target.starts_with("https://")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = folder.join(file);
            assert!(path.exists(), "{name}: {target}");
            if !anchor.is_empty() {
                let text = if file.is_empty() { text.clone() } else { fs::read_to_string(path).unwrap() };
                let mut anchors = text.lines().filter(|line| line.starts_with('#')).map(|heading| {
                    heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-").replace(['`', ','], "")
                });
                assert!(anchors.any(|known| known == anchor), "{name}: {target}");
            }
        }
    }
}

/// A page that is missing in the summary is missing in the site, and a link of the site to a document outside docs/
/// leads nowhere.
#[test]
fn the_book_has_every_page_and_the_readme_links_it() {
    let chapters: BTreeSet<String> = targets(SUMMARY).map(|target| format!("docs/{target}")).collect();
    let pages = pages();
    let wanted: BTreeSet<String> = pages.keys().filter(|name| *name != "docs/SUMMARY.md").cloned().collect();
    assert_eq!(chapters, wanted);
    let linked: BTreeSet<String> = targets(README).map(str::to_owned).collect();
    let unlinked: Vec<_> = wanted.difference(&linked).filter(|name| *name != "docs/README.md").collect();
    assert!(unlinked.is_empty(), "the README does not link {unlinked:?}");
    for (name, text) in &pages {
        let outside = targets(text).find(|target| target.starts_with("../") && target.contains(".md"));
        assert_eq!(outside, None, "{name}");
    }
    let book = include_str!("../../book.toml");
    assert!(book.contains("\nsrc = \"docs\"\n"));
}

/// A stranger reads one screen or two.
#[test]
fn the_readme_is_short() {
    let lines = README.lines().count();
    assert!(lines <= 100, "{lines} lines: move something to docs/");
}

/// The script reads both figures here, and fails if the program does not have them.
#[test]
fn the_size_and_the_speed_are_those_that_test_deb_checks() {
    let rows = table(section(INSTALL, "## A Debian package"));
    let [size, speed] = &rows[..] else { panic!("{rows:?}") };
    assert!(size[0].contains("stat -c %s /usr/bin/refreshtop"), "{size:?}");
    assert!(size[1].ends_with(" MB") && size[2].ends_with(" MB"), "{size:?}");
    assert!(speed[0].contains("--help") && speed[2].ends_with(" ms"), "{speed:?}");
    assert!(include_str!("../../scripts/test-deb").contains("docs/install.md"));
}

/// The preflight sends people there.
#[test]
fn what_it_reads_is_what_the_preflight_asks_for() {
    let preflight = include_str!("../../crates/db/src/migrate/preflight.sql");
    assert!(preflight.contains("docs/database.md, \"platform_metrics\""));
    let shown: Vec<String> = table(section(DATABASE, "## platform_metrics"))
        .iter()
        .flat_map(|row| {
            row[1].split(", ").map(|column| format!("({}, {})", row[0], column).replace('`', "'")).collect::<Vec<_>>()
        })
        .collect();
    let (asked, _) = preflight.split_once("), owned").unwrap();
    for pair in &shown {
        assert!(asked.contains(pair), "{pair}");
    }
    assert_eq!(asked.matches("', '").count(), shown.len());
}

/// Documents whose tables name, in their last column, the tests that hold each row.
const HELD: [&str; 3] = ["docs/supported.md", "docs/faults.md", "docs/security.md"];

/// Every table of `text`, each row without its heading, with the number of columns that the heading has.
fn tables(text: &str) -> Vec<(usize, Vec<Vec<String>>)> {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .split(|line| !line.starts_with('|'))
        .filter(|lines| !lines.is_empty())
        .map(|lines| (lines[0].trim_matches('|').split('|').count(), table(&lines.join("\n"))))
        .collect()
}

/// Whether `source` has a test function of this name, and not only a helper.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    lines.iter().enumerate().any(|(at, line)| {
        let named = line.strip_prefix("async ").unwrap_or(line).starts_with(&format!("fn {name}("));
        let attributes = lines[..at].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("///"));
        // A macro makes the attacks: a test for each variant and each kind of migrator.
        let attack = line.split_once("!(").and_then(|(_, rest)| rest.strip_prefix(name));
        attack.is_some_and(|rest| rest.starts_with(' '))
            || named
                && attributes.into_iter().any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"))
    })
}

#[test]
fn every_row_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in HELD {
        let text = std::fs::read_to_string(root.join(name)).unwrap();
        let mut rows = 0;
        // Tables that explain something else name no test in any row.
        for (columns, row) in tables(&text)
            .iter()
            .filter(|(_, rows)| rows.iter().any(|row| row.last().is_some_and(|held| held.contains("` in `tests/"))))
            .flat_map(|(columns, rows)| rows.iter().map(move |row| (columns, row)))
        {
            assert_eq!(row.len(), *columns, "{name}: a cell too many or too few in {row:?}");
            for held in row[columns - 1].split(", ") {
                let parts: Vec<&str> = held.split('`').collect();
                let ["", holder, " in ", file, ""] = parts[..] else {
                    panic!("{name}: no test in {held:?} of {row:?}")
                };
                let source = std::fs::read_to_string(root.join(file)).unwrap_or_default();
                assert!(has_test(&source, holder), "{name}: {file} has no test {holder}");
            }
            rows += 1;
        }
        assert!(rows > 20, "{name}: {rows} rows");
    }
}

#[test]
fn a_helper_is_no_test() {
    assert!(has_test("#[tokio::test]\nasync fn one() {", "one"));
    assert!(has_test("    #[test]\n    #[ignore = \"by hand\"]\n    fn two() {", "two"));
    assert!(!has_test("#[test]\nfn one() {}\n\nfn two() {", "two"));
    assert!(!has_test("#[test]\nfn one_and_more() {}", "one"));
}

/// The releases in the document are those that the scripts fetch.
#[test]
fn the_releases_are_those_that_are_tried() {
    let scripts = include_str!("../../scripts/fetch-servers");
    let (_, list) = scripts.split_once("known='").unwrap();
    let (list, _) = list.split_once("\n'").unwrap();
    let fetched: Vec<String> = list
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .map(|version| version.splitn(3, '.').take(2).collect::<Vec<_>>().join("."))
        .collect();
    assert_eq!(fetched.len(), 6);
    let supported = include_str!("../../docs/supported.md");
    assert!(supported.contains(&format!("| {} |", fetched.join(", "))), "{fetched:?}");
    let makefile = include_str!("../../Makefile");
    let majors: Vec<&str> = fetched.iter().filter_map(|version| version.split('.').next()).collect();
    assert!(makefile.contains(&format!("VERSIONS ?= {}\n", majors.join(" "))), "{majors:?}");
}
