//! The part of the diagnosis that is about the managed views.

use crate::settings::Settings;
use refreshtop_connect::Target;
use refreshtop_core::{
    address::ViewId,
    diagnosis::{
        Check, Diagnosis,
        views::{check, checks, health},
    },
    limits::Overrides,
    reading::{Reading, Unavailable},
    views::{Registered, View, Views, details::Catalog},
};
use refreshtop_db::{
    contract::PLATFORM_METRICS,
    error::{self, Result},
    snapshot::Kept,
    views,
};
use std::collections::BTreeMap;

/// Views of which everything is asked, the worst first; of the others only what one question tells of all.
const IN_FULL: usize = 20;

/// What was read of all views, before everything is asked about some.
pub(super) type Read = Reading<(Views, BTreeMap<i64, Result<Catalog>>)>;

/// Reads all views, with their health.
pub(super) async fn read(settings: &Settings, target: &Target) -> Read {
    let mut app = match Kept::open(target, "diagnosis").await {
        Ok(app) => app,
        Err(failure) => return Err(Unavailable::new(failure.to_string(), "")),
    };
    let read = views::read_in_detail(&mut app, settings.overrides.window, in_short).await;
    crate::command::session::close(app.session).await;
    read.map_err(|failure| error::unavailable("This can't be seen", &failure, &target.user))
}

/// The managed views, the worst first.
fn managed(views: &Views) -> Vec<(&View, &Registered)> {
    views.worst_first(&Overrides::default()).into_iter().filter_map(|view| Some((view, view.registered()?))).collect()
}

/// Oids of the views that are not looked at in full.
fn in_short(views: &Views) -> Vec<i64> {
    let others = managed(views).into_iter().skip(IN_FULL);
    others.filter_map(|(view, _)| view.relation.as_ref()).map(|relation| relation.oid).collect()
}

/// The views that everything is asked about: the one that was named, or the worst of all.
pub(super) fn in_full(read: &Read, settings: &Settings) -> Vec<ViewId> {
    if settings.view_named {
        return vec![settings.view.clone()];
    }
    let found = read.as_ref().map(|(views, _)| managed(views)).unwrap_or_default();
    let mut ids: Vec<ViewId> = found.into_iter().take(IN_FULL).map(|(_, registered)| registered.id.clone()).collect();
    // That one should be there if its tables are, registered or not.
    let own = ViewId::new(PLATFORM_METRICS);
    if !ids.contains(&own) {
        ids.insert(0, own);
    }
    ids
}

/// Adds how healthy the views are, and what is known of those that were not looked at in full.
pub(super) fn add(found: &mut Diagnosis, read: &Read, settings: &Settings) {
    match read {
        Ok((views, details)) => found.checks.extend(of_views(views, details, settings)),
        Err(why) => found.checks.push(Check::unknown("views", "Views", why)),
    }
}

fn of_views(views: &Views, details: &BTreeMap<i64, Result<Catalog>>, settings: &Settings) -> Vec<Check> {
    let managed = managed(views);
    if settings.view_named {
        let named = managed.into_iter().find(|(_, registered)| registered.id == settings.view);
        return named.map(|(view, registered)| of_health(view, registered, views, settings)).into_iter().collect();
    }
    let (full, short) = managed.split_at(managed.len().min(IN_FULL));
    let healths = full.iter().map(|(view, registered)| of_health(view, registered, views, settings));
    let gone = Catalog::default();
    let others = short.iter().map(|(view, registered)| of_view(view, registered, views, details, &gone, settings));
    healths.chain(checks(others.collect())).collect()
}

fn of_health(view: &View, registered: &Registered, views: &Views, settings: &Settings) -> Check {
    health(registered, view.health(views.at, &settings.overrides).as_ref())
}

fn of_view(
    view: &View,
    registered: &Registered,
    views: &Views,
    details: &BTreeMap<i64, Result<Catalog>>,
    gone: &Catalog,
    settings: &Settings,
) -> Check {
    let health = view.health(views.at, &settings.overrides);
    let catalog = match view.relation.as_ref().map(|relation| details.get(&relation.oid)) {
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
