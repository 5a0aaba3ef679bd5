//! Joins the worlds: the loop that owns the state, the tasks that talk to the database, the signals.

#[cfg(test)]
mod cost;
pub mod event_loop;
#[cfg(test)]
mod flicker;
pub mod monitor;
pub mod signals;
