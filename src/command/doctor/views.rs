//! The part of the diagnosis that is about each managed view. `platform_metrics` has checks of its own.

use crate::settings::Settings;
use refreshtop_connect::Target;
use refreshtop_core::{
    diagnosis::{
        Check, Diagnosis, Verdict,
        views::{check, checks},
    },
    health,
    reading::Unavailable,
    views::{Registered, View, Views, details::Catalog},
};
use refreshtop_db::{
    contract::is_own,
    diagnosis::OF_THE_VIEW,
    error::{self, Result},
    snapshot::Kept,
    views,
};
use std::collections::BTreeMap;

/// Adds what is found about the managed views: about each, or about the one that was named.
pub(super) async fn add(found: &mut Diagnosis, settings: &Settings, target: &Target) {
    let read = match Kept::open(target, "diagnosis").await {
        Ok(mut app) => {
            let read = views::read_in_detail(&mut app, settings.overrides.window, has_catalog).await;
            crate::command::session::close(app.session).await;
            read.map_err(|failure| error::unavailable("This can't be seen", &failure, &target.user))
        }
        Err(failure) => Err(Unavailable::new(failure.to_string(), "")),
    };
    if settings.view_named && !is_own(&settings.view) {
        found.checks.retain(|check| !OF_THE_VIEW.contains(&check.id));
    }
    match read {
        Ok((views, details)) => found.checks.extend(of_views(&views, &details, settings)),
        Err(why) => found.checks.push(Check::unknown("views", "Views", &why)),
    }
}

fn has_catalog(view: &View) -> bool {
    view.registered().is_some_and(|registered| !is_own(&registered.id))
}

fn of_views(views: &Views, details: &BTreeMap<i64, Result<Catalog>>, settings: &Settings) -> Vec<Check> {
    let managed: Vec<(&View, &Registered)> =
        views.views.iter().filter_map(|view| Some((view, view.registered()?))).collect();
    let several = managed.len() > 1;
    let wanted = |registered: &Registered| {
        if settings.view_named {
            registered.id == settings.view && !is_own(&registered.id)
        } else {
            several || !is_own(&registered.id)
        }
    };
    let chosen: Vec<_> = managed.into_iter().filter(|(_, registered)| wanted(registered)).collect();
    if chosen.is_empty() && settings.view_named && !is_own(&settings.view) && views.registry.is_ok() {
        let none = format!("No view is managed as {}.", settings.view);
        return vec![Check::new("view", "View", Verdict::Bad, none).advise("refreshtop views lists them.")];
    }
    let gone = Catalog::default();
    checks(
        chosen
            .into_iter()
            .map(|(view, registered)| of_view(view, registered, views, details, &gone, settings))
            .collect(),
    )
}

fn of_view(
    view: &View,
    registered: &Registered,
    views: &Views,
    details: &BTreeMap<i64, Result<Catalog>>,
    gone: &Catalog,
    settings: &Settings,
) -> Check {
    let limits = view.limits(&settings.overrides).thresholds();
    let health = view.stats.as_ref().map(|stats| health::evaluate(stats, views.at, &limits));
    let catalog = match view.relation.as_ref().map(|relation| details.get(&relation.oid)) {
        _ if is_own(&registered.id) => None,
        None => Some(gone),
        Some(Some(Ok(catalog))) => Some(catalog),
        Some(Some(Err(failure))) => {
            let why = error::unavailable(registered.id.as_str(), failure, &views.server.role);
            return Check { view: Some(registered.id.to_string()), ..Check::unknown("view", "View", &why) };
        }
        Some(None) => None,
    };
    check(view, registered, health.as_ref(), catalog)
}
