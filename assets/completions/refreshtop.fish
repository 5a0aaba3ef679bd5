# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_refreshtop_global_optspecs
    string join \n url= profile= config= poll= window= success-warning= success-critical= max-average= max-age= theme= ascii= view= mouse= log-file= log-level= h/help V/version
end

function __fish_refreshtop_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_refreshtop_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_refreshtop_using_subcommand
    set -l cmd (__fish_refreshtop_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c refreshtop -n "__fish_refreshtop_needs_command" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_needs_command" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -s V -l version -d 'Print version'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "monitor" -d 'Show how the refreshes go, live'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "status" -d 'Say how it stands: verdict, last refresh, job'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "stats" -d 'Show the figures of the refreshes in the window'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "logs" -d 'List the latest attempts, with their errors'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "trigger" -d 'Refresh the view now, and wait for the end; Ctrl-C cancels it on the server'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "job" -d 'Show or change the jobs in pg_cron'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "cleanup" -d 'Delete rows of the log that are older than they are kept'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "check" -d 'Check the health as a monitoring plugin: one line, performance data, exit code 0 to 3'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "doctor" -d 'Find what keeps the refreshes from working, and what mends it'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "metrics" -d 'Give the figures to Prometheus and its kin, as OpenMetrics'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "schedule" -d 'Drive the refreshes where pg_cron can\'t be had'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "migrate" -d 'Install or update what the database needs, or take it away'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "demo" -d 'Try it out on a PostgreSQL server of its own, in a temporary folder'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "config" -d 'Find, write or check the config file'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "completions" -d 'Print the completions for a shell'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "man" -d 'Print a manual page'
complete -c refreshtop -n "__fish_refreshtop_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand monitor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand stats" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l since -d 'Only attempts of the last while, e.g. 6h' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l limit -d 'At most this many, the newest ones' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l errors -d 'Only attempts that failed'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -s f -l follow -d 'Go on, and print attempts as they end'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand logs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l timeout -d 'Cancel the refresh on the server when all of it takes longer: connecting, waiting, refreshing' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l wait -d 'Where a refresh is running already, wait for its end and refresh then, instead of being refused'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand trigger" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -f -a "show" -d 'Show the jobs in pg_cron (the default)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -f -a "runs" -d 'Show the latest executions of a job'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -f -a "pause" -d 'Stop a job from being run until it is resumed'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -f -a "resume" -d 'Let a paused job run again'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -f -a "every" -d 'Give a job another schedule'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -f -a "remove" -d 'Take a job out of pg_cron'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -f -a "restore" -d 'Put back the jobs that are missing, and mend those that run something else'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and not __fish_seen_subcommand_from show runs pause resume every remove restore help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l job -d 'Which job' -r -f -a "refresh\t'refresh-platform-metrics'
cleanup\t'cleanup-metrics-logs'"
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l limit -d 'At most this many, the newest ones' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from runs" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l job -d 'Which job' -r -f -a "refresh\t'refresh-platform-metrics'
cleanup\t'cleanup-metrics-logs'"
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l job -d 'Which job' -r -f -a "refresh\t'refresh-platform-metrics'
cleanup\t'cleanup-metrics-logs'"
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l job -d 'Which job' -r -f -a "refresh\t'refresh-platform-metrics'
cleanup\t'cleanup-metrics-logs'"
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from every" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l job -d 'Which job' -r -f -a "refresh\t'refresh-platform-metrics'
cleanup\t'cleanup-metrics-logs'"
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show the jobs in pg_cron (the default)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from help" -f -a "runs" -d 'Show the latest executions of a job'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from help" -f -a "pause" -d 'Stop a job from being run until it is resumed'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from help" -f -a "resume" -d 'Let a paused job run again'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from help" -f -a "every" -d 'Give a job another schedule'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Take a job out of pg_cron'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from help" -f -a "restore" -d 'Put back the jobs that are missing, and mend those that run something else'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand job; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand cleanup" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -s w -l warning -d 'Warn where a figure leaves this range: age=10m, duration=5, rate=95:' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -s c -l critical -d 'It is critical where a figure leaves this range, written as for --warning' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -s t -l timeout -d 'Longest time until the verdict, in seconds or with units; unknown after that' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l analyze -d 'Run the view\'s query to measure its plan (EXPLAIN ANALYZE), for at most this long; 30s where nothing is said' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l also -d 'Execute this statement too, which --fix alone leaves out; named as it is shown, e.g. \'end session 4711\'' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l details -d 'Show what stands behind every finding, such as sizes and the plan, and not only where something is wrong'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l fix -d 'Show the statements that are safe, ask, execute them, and look again'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l yes -d 'Don\'t ask'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l textfile -d 'Write to this file, whole or not at all, e.g. for the textfile collector of node_exporter' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l listen -d 'Serve /metrics over HTTP until stopped; without an address on 127.0.0.1:9899' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand metrics" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l cron -d 'When to refresh: five fields of cron, in UTC' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l grace -d 'How long a running refresh may go on when asked to stop; it is cancelled after that' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand schedule" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l dry-run -d 'Print every statement instead of executing it'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -f -a "up" -d 'Install or update everything (the default)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -f -a "status" -d 'Show which migrations are installed'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -f -a "down" -d 'Take migrations away again'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and not __fish_seen_subcommand_from up status down help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l dry-run -d 'Print every statement instead of executing it'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l to -d 'Newest version to keep; without it everything goes' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l yes -d 'Don\'t ask'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l dry-run -d 'Print every statement instead of executing it'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -l json -d 'Answer with JSON (docs/json.md); streams have one object a line'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from down" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from help" -f -a "up" -d 'Install or update everything (the default)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from help" -f -a "status" -d 'Show which migrations are installed'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from help" -f -a "down" -d 'Take migrations away again'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand migrate; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l accounts -d 'Accounts to fill it with' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -l headless -d 'Start the server and say how to reach it, without the monitor'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -f -a "path" -d 'Print where the config file is looked for'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -f -a "init" -d 'Write a config file with every setting in it, all of them at their defaults'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -f -a "check" -d 'Read config file, environment and flags, and say what is wrong with them'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and not __fish_seen_subcommand_from path init check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from path" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "path" -d 'Print where the config file is looked for'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "init" -d 'Write a config file with every setting in it, all of them at their defaults'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Read config file, environment and flags, and say what is wrong with them'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l url -d 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l profile -d 'Profile of the config file to use [env: REFRESHTOP_PROFILE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l config -d 'Config file to read instead of refreshtop/config.toml in the user\'s config folder [env: REFRESHTOP_CONFIG]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l poll -d 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l window -d 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l success-warning -d 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l success-critical -d 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l max-average -d 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l max-age -d 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l theme -d 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l ascii -d 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l view -d 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l mouse -d 'Use the mouse in the monitor: the terminal\'s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l log-file -d 'Write a log to this file [env: REFRESHTOP_LOG_FILE]' -r -F
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -l log-level -d 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]' -r
complete -c refreshtop -n "__fish_refreshtop_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "monitor" -d 'Show how the refreshes go, live'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "status" -d 'Say how it stands: verdict, last refresh, job'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "stats" -d 'Show the figures of the refreshes in the window'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "logs" -d 'List the latest attempts, with their errors'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "trigger" -d 'Refresh the view now, and wait for the end; Ctrl-C cancels it on the server'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "job" -d 'Show or change the jobs in pg_cron'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "cleanup" -d 'Delete rows of the log that are older than they are kept'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "check" -d 'Check the health as a monitoring plugin: one line, performance data, exit code 0 to 3'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "doctor" -d 'Find what keeps the refreshes from working, and what mends it'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "metrics" -d 'Give the figures to Prometheus and its kin, as OpenMetrics'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "schedule" -d 'Drive the refreshes where pg_cron can\'t be had'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "migrate" -d 'Install or update what the database needs, or take it away'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "demo" -d 'Try it out on a PostgreSQL server of its own, in a temporary folder'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "config" -d 'Find, write or check the config file'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "completions" -d 'Print the completions for a shell'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "man" -d 'Print a manual page'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and not __fish_seen_subcommand_from monitor status stats logs trigger job cleanup check doctor metrics schedule migrate demo config completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from job" -f -a "show" -d 'Show the jobs in pg_cron (the default)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from job" -f -a "runs" -d 'Show the latest executions of a job'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from job" -f -a "pause" -d 'Stop a job from being run until it is resumed'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from job" -f -a "resume" -d 'Let a paused job run again'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from job" -f -a "every" -d 'Give a job another schedule'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from job" -f -a "remove" -d 'Take a job out of pg_cron'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from job" -f -a "restore" -d 'Put back the jobs that are missing, and mend those that run something else'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from migrate" -f -a "up" -d 'Install or update everything (the default)'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from migrate" -f -a "status" -d 'Show which migrations are installed'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from migrate" -f -a "down" -d 'Take migrations away again'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "path" -d 'Print where the config file is looked for'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "init" -d 'Write a config file with every setting in it, all of them at their defaults'
complete -c refreshtop -n "__fish_refreshtop_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Read config file, environment and flags, and say what is wrong with them'
