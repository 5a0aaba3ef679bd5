//! The view that a name means.

use super::{
    View, Views,
    names::{NotFound, ViewName, meant},
};

impl Views {
    /// The view that `wanted` means: its name as SQL writes it, or without schema or quotes if only one has that name.
    ///
    /// # Errors
    /// No view has that name, or several have.
    pub fn find(&self, wanted: &str) -> Result<&View, NotFound<'_>> {
        let names: Vec<&ViewName> = self.views.iter().map(|view| &view.name).collect();
        match meant(&names, wanted).as_slice() {
            [] => {}
            [place] => return Ok(&self.views[*place]),
            several => return Err(NotFound::Ambiguous(several.iter().map(|place| names[*place]).collect())),
        }
        // Its identity in the log, if that is another.
        let by_id = |view: &&View| view.registered().is_some_and(|registered| registered.id.as_str() == wanted);
        self.views.iter().find(by_id).ok_or(NotFound::Missing)
    }
}
