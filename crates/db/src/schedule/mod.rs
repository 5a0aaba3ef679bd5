//! The jobs in `pg_cron`, in whichever database of the cluster it is.
//!
//! `pg_cron` keeps its tables in one database (`cron.database_name`), which need not be the application's, and
//! a migration can't reach across. So the jobs are put there by the program, after the migrations.
//!
//! A job is known by its name, its command and its database, in `pg_cron`'s own tables. A number is used only inside
//! the transaction that has read it: after `DROP EXTENSION` numbers begin at 1 again and mean jobs of others. What was
//! there before is kept in `refreshtop.undo` as data. It is never executed, and never decides which database to connect
//! to: the server says where `pg_cron` is.

mod adopt;
mod ensure;
mod extension;
mod failure;
mod installation;
mod job_changes;
mod job_editor;
mod job_spec;
mod notes;
mod others;
mod own_table;
mod put_back;
mod rights;
mod take_away;
mod take_over;
mod view_jobs;

pub use ensure::ensure;
pub use extension::current_database;
pub(super) use extension::{OWN_TABLES, has_own_tables, is_readable, lock, role_now};
pub use failure::ScheduleError;
pub use installation::{CronLocation, Identity, Installation, installation, is_safe, recall};
pub use job_changes::{JobChanges, Mode};
pub use job_spec::{CLEANUP_ALONE, JOB_ROLE, JOBS, JobSpec, jobs, refresh_job_of, sought};
pub(super) use job_spec::{OF_ROLES_THAT_COUNT, is_of_contract};
pub use notes::{forget, write_notes};
pub use put_back::put_all_back;
pub use take_away::take_away;
pub use take_over::{Other, give_back, others, pause_others};
pub use view_jobs::ViewJob;
