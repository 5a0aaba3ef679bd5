//! Which columns of a view tell its rows apart, as far as its stored query shows it: nothing is read or executed.

/// A list of columns that are unique by the query itself, or that look so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The columns, without quotes.
    pub columns: Vec<String>,
    /// Why they are unique, for people.
    pub because: &'static str,
    /// Whether the query guarantees it.
    pub is_sure: bool,
}

/// A key for the query that is stored as `tree`, PostgreSQL's own form of it.
pub fn proposed(tree: &str) -> Option<Key> {
    let query = Fields::of(tree.trim_start_matches('('))?;
    let columns: Vec<Column> = elements(query.field("targetList")?).into_iter().filter_map(Column::of).collect();
    let shown = || columns.iter().filter(|column| !column.junk);
    let is_set = |name: &str| query.field(name).is_some_and(|value| !matches!(value, "<>" | "false" | "()"));
    let of_groups = |list: &str| -> Option<Vec<String>> {
        elements(query.field(list)?)
            .into_iter()
            .map(|group| {
                let number = Fields::of(group)?.field("tleSortGroupRef")?.to_owned();
                shown().find(|column| column.group == number).map(|column| column.name.clone())
            })
            .collect()
    };
    let several = is_set("hasTargetSRFs") || is_set("setOperations");
    if !several && is_set("distinctClause") {
        let because = "the query gives each once (DISTINCT)";
        if let Some(columns) = of_groups("distinctClause").filter(|columns| columns.len() <= 8) {
            return Some(Key { columns, because, is_sure: true });
        }
    }
    if !several && !is_set("groupingSets") && is_set("groupClause") {
        if let Some(columns) = of_groups("groupClause") {
            return Some(Key { columns, because: "the query gives each group once (GROUP BY)", is_sure: true });
        }
    } else if !several && is_set("hasAggs") && !is_set("groupingSets") {
        let columns = vec![shown().next()?.name.clone()];
        return Some(Key { columns, because: "the query gives one row", is_sure: true });
    }
    let id = shown().find(|column| column.name == "id")?;
    let because = "by its name; the statement fails if it is not unique";
    Some(Key { columns: vec![id.name.clone()], because, is_sure: false })
}

/// A column of the query.
struct Column {
    name: String,
    group: String,
    junk: bool,
}

impl Column {
    fn of(entry: &str) -> Option<Self> {
        let fields = Fields::of(entry)?;
        Some(Self {
            name: unescaped(fields.field("resname")?),
            group: fields.field("ressortgroupref")?.to_owned(),
            junk: fields.field("resjunk")? == "true",
        })
    }
}

/// A name as nodes are written: a backslash stands before what has a meaning.
fn unescaped(text: &str) -> String {
    let mut name = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        name.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    name
}

/// The fields of one node, `{NAME :field value :field value}`.
struct Fields<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Fields<'a> {
    fn of(node: &'a str) -> Option<Self> {
        let inside = node.trim_start().strip_prefix('{')?;
        let (mut fields, mut depth, mut begin) = (Vec::new(), 0_usize, None);
        let mut escaped = false;
        for (at, c) in inside.char_indices() {
            if escaped {
                escaped = false;
                continue;
            }
            match c {
                '\\' => escaped = true,
                '{' | '(' | '[' => depth += 1,
                '}' if depth == 0 => {
                    fields.extend(begin.and_then(|from: usize| split(&inside[from..at])));
                    return Some(Self(fields));
                }
                '}' | ')' | ']' => depth = depth.checked_sub(1)?,
                ':' if depth == 0 && inside[..at].ends_with(' ') => {
                    fields.extend(begin.and_then(|from: usize| split(&inside[from..at])));
                    begin = Some(at + 1);
                }
                _ => {}
            }
        }
        None
    }

    fn field(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(field, _)| *field == name).map(|(_, value)| *value)
    }
}

fn split(field: &str) -> Option<(&str, &str)> {
    field.trim_end().split_once(' ').map(|(name, value)| (name, value.trim()))
}

/// The nodes of a list, `({…} {…})`.
fn elements(list: &str) -> Vec<&str> {
    let (mut found, mut depth, mut begin, mut escaped) = (Vec::new(), 0_usize, 0, false);
    for (at, c) in list.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        match c {
            '\\' => escaped = true,
            '{' => {
                if depth == 0 {
                    begin = at;
                }
                depth += 1;
            }
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    found.push(&list[begin..=at]);
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(columns: &str, rest: &str) -> String {
        format!("({{QUERY :commandType 1 :targetList ({columns}) {rest} :stmt_len 0}})")
    }

    fn column(name: &str, group: u8, junk: bool) -> String {
        format!(
            "{{TARGETENTRY :expr {{CONST :constvalue 4 [ 1 0 0 0 ] :location -1}} :resno 1 :resname {name} \
             :ressortgroupref {group} :resorigtbl 0 :resjunk {junk}}}"
        )
    }

    #[test]
    fn a_key_comes_from_the_query() {
        let columns = [column("town", 1, false), column("No\\ Name", 2, false), column("n", 0, false)].join(" ");
        let grouped = ":hasAggs true :groupClause ({SORTGROUPCLAUSE :tleSortGroupRef 1 :eqop 98} \
                       {SORTGROUPCLAUSE :tleSortGroupRef 2 :eqop 98}) :groupingSets <> :distinctClause <>";
        assert_eq!(proposed(&query(&columns, grouped)).unwrap().columns, ["town", "No Name"]);
        let sets = grouped.replace(":groupingSets <>", ":groupingSets ({GROUPINGSET :kind 1})");
        assert_eq!(proposed(&query(&columns, &sets)), None);
        assert_eq!(proposed(&query(&columns, ":hasAggs true :groupClause <>")).unwrap().columns, ["town"]);
        assert_eq!(proposed(&query(&columns, ":hasAggs false :groupClause <>")), None);
        let hidden = query(&column("town", 1, true), grouped);
        assert_eq!(proposed(&hidden), None, "a group that is no column");
        let id = query(&column("id", 0, false), ":hasAggs false :groupClause <>");
        assert_eq!(proposed(&id).unwrap().columns, ["id"]);
        for broken in ["", "(", "{QUERY", "({QUERY :targetList <>})", "}{"] {
            assert_eq!(proposed(broken), None, "{broken}");
        }
    }
}
