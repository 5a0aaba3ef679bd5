//! `refreshtop monitor`.

use crate::command::Failure;
use crate::connect::Target;
use crate::db::service::PLATFORM_METRICS;
use crate::environment::{self, Environment};
use crate::exit;
use crate::model::{
    address::{DatabaseId, ViewId},
    database::Database,
};
use crate::runtime::monitor;
use crate::screen::{Appearance, glyphs::Glyphs, theme::Theme};
use crate::settings::Settings;
use crate::terminal::colours::Depth;

/// Opens the monitor on `target`. A database that can't be reached is no reason to end: the screen says so and goes
/// on trying, as a wall screen must after a power cut.
///
/// # Errors
/// Where there is no terminal that it could be drawn on.
pub async fn run(settings: &Settings, target: Target, environment: &Environment) -> Result<(), Failure> {
    if environment::get(environment, "TERM") == Some("dumb") {
        return Err(Failure::new(
            exit::FAILURE,
            "TERM=dumb can't show a screen; use a terminal that can, e.g. TERM=xterm",
        ));
    }
    let view = ViewId::new(PLATFORM_METRICS);
    let id = DatabaseId::new(&target.id());
    let database = Database::new(id, settings.profile.clone(), target.place(), [view.clone()]);
    monitor::run(target, database, view, settings.options(), appearance(settings, environment), Depth::of(environment))
        .await
        .map(|_| ())
        .map_err(|error| Failure::new(exit::FAILURE, format!("the monitor can't open on this terminal: {error}")))
}

fn appearance(settings: &Settings, environment: &Environment) -> Appearance {
    // https://no-color.org: present and not empty, whatever its value.
    let no_color = environment::get(environment, "NO_COLOR").is_some();
    Appearance {
        // The settings let only known names through.
        theme: Theme::choose(&settings.theme, no_color).unwrap_or_else(Theme::terminal),
        glyphs: glyphs(settings, environment),
        keys: settings.keys.clone(),
        mouse: settings.mouse,
    }
}

/// The glyphs that settings and locale allow.
pub fn glyphs(settings: &Settings, environment: &Environment) -> &'static Glyphs {
    Glyphs::new(settings.ascii.map_or_else(|| locale_is_utf8(environment), |ascii| !ascii))
}

/// What POSIX says of the character set: the first of these that is set decides.
fn locale_is_utf8(environment: &Environment) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| environment::get(environment, name));
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_locale_variable_that_is_set_decides() {
        let utf8 = |pairs: &[(&str, &str)]| {
            locale_is_utf8(&pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
        };
        assert!(utf8(&[("LANG", "en_US.UTF-8")]));
        assert!(utf8(&[("LC_ALL", ""), ("LANG", "C.utf8")]));
        assert!(!utf8(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(!utf8(&[]));
    }
}
