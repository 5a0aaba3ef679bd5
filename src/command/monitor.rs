//! `refreshtop monitor`.

use crate::{command::Failure, settings::Settings};
use refreshtop_connect::{
    Target,
    environment::{self, Environment},
};
use refreshtop_core::{address::DatabaseId, database::Database, exit};
use refreshtop_db::{default_view::ShownView, events::Events, worker::Worker};
use refreshtop_tui::{
    app::{effect::Effect, state::State},
    event_loop::Effects,
    glyphs::Glyphs,
    monitor,
    scene::Appearance,
    terminal::colours::Depth,
    theme::Theme,
};
use std::{collections::BTreeMap, time::Instant};

/// Opens the monitor on `target`. If the database can't be reached, the screen shows that and the monitor keeps trying, as a
/// wall display must after a power cut.
///
/// # Errors
/// The terminal can't show it.
pub async fn run(settings: &Settings, target: Target, environment: &Environment) -> Result<(), Failure> {
    if environment::get(environment, "TERM") == Some("dumb") {
        return Err(Failure::new(
            exit::FAILURE,
            "TERM=dumb can't show a screen; use a terminal that can, e.g. TERM=xterm",
        ));
    }
    let view = settings.view.clone();
    let id = DatabaseId::new(&target.id());
    let database = Database::new(id.clone(), settings.profile.clone(), target.place(), [view.clone()]);
    let options = settings.options();
    let watched =
        if settings.view_named { ShownView::named(view.clone()) } else { ShownView::or_the_only_one(view.clone()) };
    let connect = |queue| {
        let worker = Worker::spawn(&target, &watched, options.overrides.window, &Events::of(id.clone(), queue));
        Workers(BTreeMap::from([(id, worker)]))
    };
    let state = State::new(options.clone(), database, view, Instant::now());
    monitor::run(state, appearance(settings, environment), Depth::of(environment), connect)
        .await
        .map(|_| ())
        .map_err(|error| Failure::new(exit::FAILURE, format!("the monitor can't open on this terminal: {error}")))
}

/// The worker of each database.
struct Workers(BTreeMap<DatabaseId, Worker>);

impl Effects for Workers {
    fn start(&mut self, effect: Effect) {
        // The loop handles the others itself.
        let Effect::Database(database, request) = effect else { return };
        if let Some(worker) = self.0.get(&database) {
            worker.request(request);
        }
    }
}

fn appearance(settings: &Settings, environment: &Environment) -> Appearance {
    // https://no-color.org: set and not empty.
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

/// The character set by POSIX: the first of these variables that is set decides.
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
