
use builtin;
use str;

set edit:completion:arg-completer[refreshtop] = {|@words|
    fn spaces {|n|
        builtin:repeat $n ' ' | str:join ''
    }
    fn cand {|text desc|
        edit:complex-candidate $text &display=$text' '(spaces (- 14 (wcswidth $text)))$desc
    }
    var command = 'refreshtop'
    for word $words[1..-1] {
        if (str:has-prefix $word '-') {
            break
        }
        set command = $command';'$word
    }
    var completions = [
        &'refreshtop'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand -V 'Print version'
            cand --version 'Print version'
            cand monitor 'Show how the refreshes go, live'
            cand status 'Say how it stands: verdict, last refresh, job'
            cand stats 'Show the figures of the refreshes in the window'
            cand logs 'List the latest attempts, with their errors'
            cand trigger 'Refresh the view now, and wait for the end; Ctrl-C cancels it on the server'
            cand job 'Show or change the jobs in pg_cron'
            cand cleanup 'Delete rows of the log that are older than they are kept'
            cand check 'Check the health as a monitoring plugin: one line, performance data, exit code 0 to 3'
            cand doctor 'Find what keeps the refreshes from working, and what mends it'
            cand metrics 'Give the figures to Prometheus and its kin, as OpenMetrics'
            cand schedule 'Drive the refreshes where pg_cron can''t be had'
            cand migrate 'Install or update what the database needs, or take it away'
            cand demo 'Try it out on a PostgreSQL server of its own, in a temporary folder'
            cand config 'Find, write or check the config file'
            cand completions 'Print the completions for a shell'
            cand man 'Print a manual page'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'refreshtop;monitor'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;status'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;stats'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;logs'= {
            cand --since 'Only attempts of the last while, e.g. 6h'
            cand --limit 'At most this many, the newest ones'
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --errors 'Only attempts that failed'
            cand -f 'Go on, and print attempts as they end'
            cand --follow 'Go on, and print attempts as they end'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;trigger'= {
            cand --timeout 'Cancel the refresh on the server when all of it takes longer: connecting, waiting, refreshing'
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --wait 'Where a refresh is running already, wait for its end and refresh then, instead of being refused'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;job'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand show 'Show the jobs in pg_cron (the default)'
            cand runs 'Show the latest executions of a job'
            cand pause 'Stop a job from being run until it is resumed'
            cand resume 'Let a paused job run again'
            cand every 'Give a job another schedule'
            cand remove 'Take a job out of pg_cron'
            cand restore 'Put back the jobs that are missing, and mend those that run something else'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'refreshtop;job;show'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;job;runs'= {
            cand --job 'Which job'
            cand --limit 'At most this many, the newest ones'
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;job;pause'= {
            cand --job 'Which job'
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;job;resume'= {
            cand --job 'Which job'
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;job;every'= {
            cand --job 'Which job'
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;job;remove'= {
            cand --job 'Which job'
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;job;restore'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;job;help'= {
            cand show 'Show the jobs in pg_cron (the default)'
            cand runs 'Show the latest executions of a job'
            cand pause 'Stop a job from being run until it is resumed'
            cand resume 'Let a paused job run again'
            cand every 'Give a job another schedule'
            cand remove 'Take a job out of pg_cron'
            cand restore 'Put back the jobs that are missing, and mend those that run something else'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'refreshtop;job;help;show'= {
        }
        &'refreshtop;job;help;runs'= {
        }
        &'refreshtop;job;help;pause'= {
        }
        &'refreshtop;job;help;resume'= {
        }
        &'refreshtop;job;help;every'= {
        }
        &'refreshtop;job;help;remove'= {
        }
        &'refreshtop;job;help;restore'= {
        }
        &'refreshtop;job;help;help'= {
        }
        &'refreshtop;cleanup'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;check'= {
            cand -w 'Warn where a figure leaves this range: age=10m, duration=5, rate=95:'
            cand --warning 'Warn where a figure leaves this range: age=10m, duration=5, rate=95:'
            cand -c 'It is critical where a figure leaves this range, written as for --warning'
            cand --critical 'It is critical where a figure leaves this range, written as for --warning'
            cand -t 'Longest time until the verdict, in seconds or with units; unknown after that'
            cand --timeout 'Longest time until the verdict, in seconds or with units; unknown after that'
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;doctor'= {
            cand --analyze 'Run the view''s query to measure its plan (EXPLAIN ANALYZE), for at most this long; 30s where nothing is said'
            cand --also 'Execute this statement too, which --fix alone leaves out; named as it is shown, e.g. ''end session 4711'''
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --details 'Show what stands behind every finding, such as sizes and the plan, and not only where something is wrong'
            cand --fix 'Show the statements that are safe, ask, execute them, and look again'
            cand --yes 'Don''t ask'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;metrics'= {
            cand --textfile 'Write to this file, whole or not at all, e.g. for the textfile collector of node_exporter'
            cand --listen 'Serve /metrics over HTTP until stopped; without an address on 127.0.0.1:9899'
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;schedule'= {
            cand --cron 'When to refresh: five fields of cron, in UTC'
            cand --grace 'How long a running refresh may go on when asked to stop; it is cancelled after that'
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;migrate'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --dry-run 'Print every statement instead of executing it'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand up 'Install or update everything (the default)'
            cand status 'Show which migrations are installed'
            cand down 'Take migrations away again'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'refreshtop;migrate;up'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --dry-run 'Print every statement instead of executing it'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;migrate;status'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;migrate;down'= {
            cand --to 'Newest version to keep; without it everything goes'
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --yes 'Don''t ask'
            cand --dry-run 'Print every statement instead of executing it'
            cand --json 'Answer with JSON (docs/json.md); streams have one object a line'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;migrate;help'= {
            cand up 'Install or update everything (the default)'
            cand status 'Show which migrations are installed'
            cand down 'Take migrations away again'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'refreshtop;migrate;help;up'= {
        }
        &'refreshtop;migrate;help;status'= {
        }
        &'refreshtop;migrate;help;down'= {
        }
        &'refreshtop;migrate;help;help'= {
        }
        &'refreshtop;demo'= {
            cand --accounts 'Accounts to fill it with'
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand --headless 'Start the server and say how to reach it, without the monitor'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;config'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
            cand path 'Print where the config file is looked for'
            cand init 'Write a config file with every setting in it, all of them at their defaults'
            cand check 'Read config file, environment and flags, and say what is wrong with them'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'refreshtop;config;path'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;config;init'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;config;check'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;config;help'= {
            cand path 'Print where the config file is looked for'
            cand init 'Write a config file with every setting in it, all of them at their defaults'
            cand check 'Read config file, environment and flags, and say what is wrong with them'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'refreshtop;config;help;path'= {
        }
        &'refreshtop;config;help;init'= {
        }
        &'refreshtop;config;help;check'= {
        }
        &'refreshtop;config;help;help'= {
        }
        &'refreshtop;completions'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;man'= {
            cand --url 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]'
            cand --profile 'Profile of the config file to use [env: REFRESHTOP_PROFILE]'
            cand --config 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]'
            cand --poll 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]'
            cand --window 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]'
            cand --success-warning 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]'
            cand --success-critical 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]'
            cand --max-average 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]'
            cand --max-age 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]'
            cand --theme 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]'
            cand --ascii 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]'
            cand --view 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]'
            cand --mouse 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]'
            cand --log-file 'Write a log to this file [env: REFRESHTOP_LOG_FILE]'
            cand --log-level 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]'
            cand -h 'Print help (see more with ''--help'')'
            cand --help 'Print help (see more with ''--help'')'
        }
        &'refreshtop;help'= {
            cand monitor 'Show how the refreshes go, live'
            cand status 'Say how it stands: verdict, last refresh, job'
            cand stats 'Show the figures of the refreshes in the window'
            cand logs 'List the latest attempts, with their errors'
            cand trigger 'Refresh the view now, and wait for the end; Ctrl-C cancels it on the server'
            cand job 'Show or change the jobs in pg_cron'
            cand cleanup 'Delete rows of the log that are older than they are kept'
            cand check 'Check the health as a monitoring plugin: one line, performance data, exit code 0 to 3'
            cand doctor 'Find what keeps the refreshes from working, and what mends it'
            cand metrics 'Give the figures to Prometheus and its kin, as OpenMetrics'
            cand schedule 'Drive the refreshes where pg_cron can''t be had'
            cand migrate 'Install or update what the database needs, or take it away'
            cand demo 'Try it out on a PostgreSQL server of its own, in a temporary folder'
            cand config 'Find, write or check the config file'
            cand completions 'Print the completions for a shell'
            cand man 'Print a manual page'
            cand help 'Print this message or the help of the given subcommand(s)'
        }
        &'refreshtop;help;monitor'= {
        }
        &'refreshtop;help;status'= {
        }
        &'refreshtop;help;stats'= {
        }
        &'refreshtop;help;logs'= {
        }
        &'refreshtop;help;trigger'= {
        }
        &'refreshtop;help;job'= {
            cand show 'Show the jobs in pg_cron (the default)'
            cand runs 'Show the latest executions of a job'
            cand pause 'Stop a job from being run until it is resumed'
            cand resume 'Let a paused job run again'
            cand every 'Give a job another schedule'
            cand remove 'Take a job out of pg_cron'
            cand restore 'Put back the jobs that are missing, and mend those that run something else'
        }
        &'refreshtop;help;job;show'= {
        }
        &'refreshtop;help;job;runs'= {
        }
        &'refreshtop;help;job;pause'= {
        }
        &'refreshtop;help;job;resume'= {
        }
        &'refreshtop;help;job;every'= {
        }
        &'refreshtop;help;job;remove'= {
        }
        &'refreshtop;help;job;restore'= {
        }
        &'refreshtop;help;cleanup'= {
        }
        &'refreshtop;help;check'= {
        }
        &'refreshtop;help;doctor'= {
        }
        &'refreshtop;help;metrics'= {
        }
        &'refreshtop;help;schedule'= {
        }
        &'refreshtop;help;migrate'= {
            cand up 'Install or update everything (the default)'
            cand status 'Show which migrations are installed'
            cand down 'Take migrations away again'
        }
        &'refreshtop;help;migrate;up'= {
        }
        &'refreshtop;help;migrate;status'= {
        }
        &'refreshtop;help;migrate;down'= {
        }
        &'refreshtop;help;demo'= {
        }
        &'refreshtop;help;config'= {
            cand path 'Print where the config file is looked for'
            cand init 'Write a config file with every setting in it, all of them at their defaults'
            cand check 'Read config file, environment and flags, and say what is wrong with them'
        }
        &'refreshtop;help;config;path'= {
        }
        &'refreshtop;help;config;init'= {
        }
        &'refreshtop;help;config;check'= {
        }
        &'refreshtop;help;completions'= {
        }
        &'refreshtop;help;man'= {
        }
        &'refreshtop;help;help'= {
        }
    ]
    $completions[$command]
}
