//! The view that a name means.

use super::{
    View, Views,
    names::{NotFound, ViewName, parse},
};

impl Views {
    /// The view that `wanted` means: its name as SQL writes it, or without schema or quotes if only one has that name.
    ///
    /// # Errors
    /// No view has that name, or several have.
    pub fn find(&self, wanted: &str) -> Result<&View, NotFound<'_>> {
        let parsed = parse(wanted);
        let folded = wanted.to_lowercase();
        let schema_and_name = |name: &ViewName| match parsed.as_deref() {
            Some([schema, view]) => *schema == name.schema && *view == name.name,
            _ => false,
        };
        let name_alone = |name: &ViewName| matches!(parsed.as_deref(), Some([view]) if *view == name.name);
        // What is meant more literally counts first.
        let ways: [&dyn Fn(&ViewName) -> bool; 6] = [
            &|name| name.sql == wanted,
            &schema_and_name,
            &name_alone,
            &|name| name.raw() == wanted,
            &|name| name.name == wanted,
            &|name| name.raw().to_lowercase() == folded || name.name.to_lowercase() == folded,
        ];
        for way in ways {
            let found: Vec<&View> = self.views.iter().filter(|view| way(&view.name)).collect();
            match found.as_slice() {
                [] => {}
                [view] => return Ok(view),
                several => return Err(NotFound::Ambiguous(several.iter().map(|view| &view.name).collect())),
            }
        }
        // Its identity in the log, if that is another.
        let by_id = |view: &&View| view.registered().is_some_and(|registered| registered.id.as_str() == wanted);
        self.views.iter().find(by_id).ok_or(NotFound::Missing)
    }
}
