//! Completions and manual pages, generated from the command line's definition.

use crate::{cli, command::Failure, output::Output, settings::mistake};
use clap_complete::Shell;
use refreshtop_core::exit;

/// How the function begins that completes, in bash and zsh.
const BEGIN: &str = "\n_refreshtop() {\n";

/// The completions for a shell. Where it can ask the program while a person types, they have the names of views and the ids of runs too.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "refreshtop", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => format!("\n{script}").replacen(BEGIN, &format!("{BEGIN}{NAMES_IN_BASH}"), 1),
        Shell::Zsh => script.replacen(BEGIN, &format!("{BEGIN}{NAMES_IN_ZSH}"), 1),
        Shell::Fish => script + NAMES_IN_FISH,
        _ => script,
    }
}

/// No name is ever read as code: `compgen -W` would expand it. The line goes through a pipe, since other users can read
/// arguments.
const NAMES_IN_BASH: &str = r#"    local names name
    if names="$(printf '%s' "${COMP_LINE:0:COMP_POINT}" | "$1" __complete bash 2>/dev/null)"; then
        # None of them is a file.
        compopt +o bashdefault +o default 2>/dev/null
        COMPREPLY=()
        while IFS= read -r name; do
            [[ -z "$name" ]] || COMPREPLY+=("$name")
        done <<< "$names"
        return 0
    fi
"#;

const NAMES_IN_ZSH: &str = r#"    local names
    if names="$({ printf '%s ' "${(@)words[1,CURRENT-1]}"; printf '%s' "$PREFIX" } | "${words[1]}" __complete zsh 2>/dev/null)"; then
        [[ "$PREFIX" == --view=* ]] && compset -P '--view='
        compadd -- "${(@)${(@f)names}:#}"
        return
    fi
"#;

const NAMES_IN_FISH: &str = r"
function __refreshtop_names
    commandline -cp | refreshtop __complete fish 2>/dev/null
end
function __refreshtop_wants_name
    commandline -cp | refreshtop __complete wants 2>/dev/null
end
complete -c refreshtop -n __refreshtop_wants_name -f -a '(__refreshtop_names)'
complete -c refreshtop -l view -x -a '(__refreshtop_names)'
";

/// Prints the completions for a shell.
pub fn print_completions(shell: Shell, output: Output) -> Result<(), Failure> {
    output.print(&completions(shell))
}

/// Every manual page: its name, and its text for roff.
pub fn pages() -> std::io::Result<Vec<(String, String)>> {
    let mut program = cli::command().disable_help_subcommand(true);
    program.build();
    let mut pages = Vec::new();
    add_pages(&program, "refreshtop", &mut pages)?;
    Ok(pages)
}

fn add_pages(command: &clap::Command, name: &str, pages: &mut Vec<(String, String)>) -> std::io::Result<()> {
    let mut text = Vec::new();
    let titled = command.clone().name(name.to_owned()).display_name(name.to_owned());
    clap_mangen::Man::new(titled).title(name.to_uppercase()).render(&mut text)?;
    pages.push((name.to_owned(), String::from_utf8_lossy(&text).into_owned()));
    for child in command.get_subcommands().filter(|child| child.get_name() != "help") {
        add_pages(child, &format!("{name}-{}", child.get_name()), pages)?;
    }
    Ok(())
}

/// Prints the manual page of a command; of the program if none is named.
pub fn print_page(command: &[String], output: Output) -> Result<(), Failure> {
    let pages = pages().map_err(|error| Failure::new(exit::FAILURE, error.to_string()))?;
    let name = std::iter::once("refreshtop").chain(command.iter().flat_map(|word| word.split_whitespace()));
    let name = name.collect::<Vec<_>>().join("-");
    if let Some((_, text)) = pages.iter().find(|(known, _)| *known == name) {
        return output.print(text);
    }
    let known: Vec<String> =
        pages.iter().filter_map(|(name, _)| Some(name.strip_prefix("refreshtop-")?.replace('-', " "))).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    Err(Failure::new(exit::USAGE, mistake::unknown("page", &command.join(" "), &known)))
}
