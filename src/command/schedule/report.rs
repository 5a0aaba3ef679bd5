//! One line for each tick, or one JSON object.

use super::Tick;
use crate::{
    command::Failure,
    output::{Output, clean, json, moment},
};
use chrono::{DateTime, Utc};
use refreshtop_connect::Target;
use refreshtop_core::{address::ViewId, age, refresh::TriggerOutcome};
use refreshtop_db::trigger::{Ended, kept_from};
use serde_json::{Value, json};

/// Where the lines go.
#[derive(Clone, Copy)]
pub struct Report<'a> {
    pub target: &'a Target,
    pub output: Output,
    /// Whether lines name the view: one of several.
    pub names_view: bool,
}

impl Report<'_> {
    /// Reports how a tick ended.
    pub fn ended(self, view: &ViewId, tick: DateTime<Utc>, ended: &Tick) -> Result<(), Failure> {
        match ended {
            Tick::Stopped => Ok(()),
            Tick::Elsewhere => {
                self.event(view, tick, "elsewhere", json!({}), "another scheduler has refreshed already")
            }
            Tick::Ended(Ended::Answered(TriggerOutcome::Success { duration_ms, .. })) => {
                let text = format!("refreshed in {}", age::duration_ms(*duration_ms));
                self.event(view, tick, "success", json!({"duration_ms": duration_ms}), &text)
            }
            Tick::Ended(Ended::Answered(TriggerOutcome::Error { duration_ms, sqlstate, message, .. })) => {
                let members = json!({"duration_ms": duration_ms, "sqlstate": sqlstate, "message": message});
                self.event(view, tick, "error", members, &format!("the refresh failed: {message}"))
            }
            Tick::Ended(Ended::Answered(TriggerOutcome::AlreadyRunning { message })) => {
                self.event(view, tick, "running", json!({"message": message}), message)
            }
            Tick::Ended(Ended::Answered(TriggerOutcome::Refused { message } | TriggerOutcome::Lost { message })) => {
                self.event(view, tick, "refused", json!({"message": message}), message)
            }
            Tick::Ended(Ended::Refused(code, message)) => {
                self.event(view, tick, "refused", json!({"sqlstate": code, "message": message}), message)
            }
            Tick::Ended(Ended::Untrusted(refusal)) => {
                let message = kept_from(refusal);
                self.event(view, tick, "refused", json!({"message": message}), &message)
            }
            Tick::Ended(Ended::Lost(message)) => self.event(view, tick, "lost", json!({"message": message}), message),
        }
    }

    /// Reports one thing that happened at a tick.
    pub fn event(
        self,
        view: &ViewId,
        tick: DateTime<Utc>,
        outcome: &str,
        members: Value,
        text: &str,
    ) -> Result<(), Failure> {
        tracing::info!(outcome, "{text}");
        if !self.output.json {
            let view = if self.names_view { format!("{view}: ") } else { String::new() };
            return self.output.print(&format!("{} UTC  {}", moment(tick), clean(&format!("{view}{text}"))));
        }
        let mut object = json!({"tick": json::moment(tick), "outcome": outcome});
        if let (Some(object), Value::Object(members)) = (object.as_object_mut(), members) {
            object.extend(members);
        }
        self.output.object("tick", json::of_view(&self.target.id(), view.as_str(), object))
    }
}
