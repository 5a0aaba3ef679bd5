
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'refreshtop' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'refreshtop'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'refreshtop' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('monitor', 'monitor', [CompletionResultType]::ParameterValue, 'Show how the refreshes go, live')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say how it stands: verdict, last refresh, job')
            [CompletionResult]::new('stats', 'stats', [CompletionResultType]::ParameterValue, 'Show the figures of the refreshes in the window')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'List the latest attempts, with their errors')
            [CompletionResult]::new('trigger', 'trigger', [CompletionResultType]::ParameterValue, 'Refresh the view now, and wait for the end; Ctrl-C cancels it on the server')
            [CompletionResult]::new('job', 'job', [CompletionResultType]::ParameterValue, 'Show or change the jobs in pg_cron')
            [CompletionResult]::new('cleanup', 'cleanup', [CompletionResultType]::ParameterValue, 'Delete rows of the log that are older than they are kept')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the health as a monitoring plugin: one line, performance data, exit code 0 to 3')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Find what keeps the refreshes from working, and what mends it')
            [CompletionResult]::new('metrics', 'metrics', [CompletionResultType]::ParameterValue, 'Give the figures to Prometheus and its kin, as OpenMetrics')
            [CompletionResult]::new('schedule', 'schedule', [CompletionResultType]::ParameterValue, 'Drive the refreshes where pg_cron can''t be had')
            [CompletionResult]::new('migrate', 'migrate', [CompletionResultType]::ParameterValue, 'Install or update what the database needs, or take it away')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Try it out on a PostgreSQL server of its own, in a temporary folder')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Find, write or check the config file')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'refreshtop;monitor' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;status' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;stats' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;logs' {
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only attempts of the last while, e.g. 6h')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most this many, the newest ones')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--errors', '--errors', [CompletionResultType]::ParameterName, 'Only attempts that failed')
            [CompletionResult]::new('-f', '-f', [CompletionResultType]::ParameterName, 'Go on, and print attempts as they end')
            [CompletionResult]::new('--follow', '--follow', [CompletionResultType]::ParameterName, 'Go on, and print attempts as they end')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;trigger' {
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Cancel the refresh on the server when all of it takes longer: connecting, waiting, refreshing')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Where a refresh is running already, wait for its end and refresh then, instead of being refused')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;job' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the jobs in pg_cron (the default)')
            [CompletionResult]::new('runs', 'runs', [CompletionResultType]::ParameterValue, 'Show the latest executions of a job')
            [CompletionResult]::new('pause', 'pause', [CompletionResultType]::ParameterValue, 'Stop a job from being run until it is resumed')
            [CompletionResult]::new('resume', 'resume', [CompletionResultType]::ParameterValue, 'Let a paused job run again')
            [CompletionResult]::new('every', 'every', [CompletionResultType]::ParameterValue, 'Give a job another schedule')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a job out of pg_cron')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Put back the jobs that are missing, and mend those that run something else')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'refreshtop;job;show' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;job;runs' {
            [CompletionResult]::new('--job', '--job', [CompletionResultType]::ParameterName, 'Which job')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most this many, the newest ones')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;job;pause' {
            [CompletionResult]::new('--job', '--job', [CompletionResultType]::ParameterName, 'Which job')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;job;resume' {
            [CompletionResult]::new('--job', '--job', [CompletionResultType]::ParameterName, 'Which job')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;job;every' {
            [CompletionResult]::new('--job', '--job', [CompletionResultType]::ParameterName, 'Which job')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;job;remove' {
            [CompletionResult]::new('--job', '--job', [CompletionResultType]::ParameterName, 'Which job')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;job;restore' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;job;help' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the jobs in pg_cron (the default)')
            [CompletionResult]::new('runs', 'runs', [CompletionResultType]::ParameterValue, 'Show the latest executions of a job')
            [CompletionResult]::new('pause', 'pause', [CompletionResultType]::ParameterValue, 'Stop a job from being run until it is resumed')
            [CompletionResult]::new('resume', 'resume', [CompletionResultType]::ParameterValue, 'Let a paused job run again')
            [CompletionResult]::new('every', 'every', [CompletionResultType]::ParameterValue, 'Give a job another schedule')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a job out of pg_cron')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Put back the jobs that are missing, and mend those that run something else')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'refreshtop;job;help;show' {
            break
        }
        'refreshtop;job;help;runs' {
            break
        }
        'refreshtop;job;help;pause' {
            break
        }
        'refreshtop;job;help;resume' {
            break
        }
        'refreshtop;job;help;every' {
            break
        }
        'refreshtop;job;help;remove' {
            break
        }
        'refreshtop;job;help;restore' {
            break
        }
        'refreshtop;job;help;help' {
            break
        }
        'refreshtop;cleanup' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;check' {
            [CompletionResult]::new('-w', '-w', [CompletionResultType]::ParameterName, 'Warn where a figure leaves this range: age=10m, duration=5, rate=95:')
            [CompletionResult]::new('--warning', '--warning', [CompletionResultType]::ParameterName, 'Warn where a figure leaves this range: age=10m, duration=5, rate=95:')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'It is critical where a figure leaves this range, written as for --warning')
            [CompletionResult]::new('--critical', '--critical', [CompletionResultType]::ParameterName, 'It is critical where a figure leaves this range, written as for --warning')
            [CompletionResult]::new('-t', '-t', [CompletionResultType]::ParameterName, 'Longest time until the verdict, in seconds or with units; unknown after that')
            [CompletionResult]::new('--timeout', '--timeout', [CompletionResultType]::ParameterName, 'Longest time until the verdict, in seconds or with units; unknown after that')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;doctor' {
            [CompletionResult]::new('--analyze', '--analyze', [CompletionResultType]::ParameterName, 'Run the view''s query to measure its plan (EXPLAIN ANALYZE), for at most this long; 30s where nothing is said')
            [CompletionResult]::new('--also', '--also', [CompletionResultType]::ParameterName, 'Execute this statement too, which --fix alone leaves out; named as it is shown, e.g. ''end session 4711''')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--details', '--details', [CompletionResultType]::ParameterName, 'Show what stands behind every finding, such as sizes and the plan, and not only where something is wrong')
            [CompletionResult]::new('--fix', '--fix', [CompletionResultType]::ParameterName, 'Show the statements that are safe, ask, execute them, and look again')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;metrics' {
            [CompletionResult]::new('--textfile', '--textfile', [CompletionResultType]::ParameterName, 'Write to this file, whole or not at all, e.g. for the textfile collector of node_exporter')
            [CompletionResult]::new('--listen', '--listen', [CompletionResultType]::ParameterName, 'Serve /metrics over HTTP until stopped; without an address on 127.0.0.1:9899')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;schedule' {
            [CompletionResult]::new('--cron', '--cron', [CompletionResultType]::ParameterName, 'When to refresh: five fields of cron, in UTC')
            [CompletionResult]::new('--grace', '--grace', [CompletionResultType]::ParameterName, 'How long a running refresh may go on when asked to stop; it is cancelled after that')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;migrate' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print every statement instead of executing it')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('up', 'up', [CompletionResultType]::ParameterValue, 'Install or update everything (the default)')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show which migrations are installed')
            [CompletionResult]::new('down', 'down', [CompletionResultType]::ParameterValue, 'Take migrations away again')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'refreshtop;migrate;up' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print every statement instead of executing it')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;migrate;status' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;migrate;down' {
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Newest version to keep; without it everything goes')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Don''t ask')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Print every statement instead of executing it')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Answer with JSON (docs/json.md); streams have one object a line')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;migrate;help' {
            [CompletionResult]::new('up', 'up', [CompletionResultType]::ParameterValue, 'Install or update everything (the default)')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show which migrations are installed')
            [CompletionResult]::new('down', 'down', [CompletionResultType]::ParameterValue, 'Take migrations away again')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'refreshtop;migrate;help;up' {
            break
        }
        'refreshtop;migrate;help;status' {
            break
        }
        'refreshtop;migrate;help;down' {
            break
        }
        'refreshtop;migrate;help;help' {
            break
        }
        'refreshtop;demo' {
            [CompletionResult]::new('--accounts', '--accounts', [CompletionResultType]::ParameterName, 'Accounts to fill it with')
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('--headless', '--headless', [CompletionResultType]::ParameterName, 'Start the server and say how to reach it, without the monitor')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;config' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print where the config file is looked for')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a config file with every setting in it, all of them at their defaults')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Read config file, environment and flags, and say what is wrong with them')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'refreshtop;config;path' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;config;init' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;config;check' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;config;help' {
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print where the config file is looked for')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a config file with every setting in it, all of them at their defaults')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Read config file, environment and flags, and say what is wrong with them')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'refreshtop;config;help;path' {
            break
        }
        'refreshtop;config;help;init' {
            break
        }
        'refreshtop;config;help;check' {
            break
        }
        'refreshtop;config;help;help' {
            break
        }
        'refreshtop;completions' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;man' {
            [CompletionResult]::new('--url', '--url', [CompletionResultType]::ParameterName, 'Database to connect to: postgres://USER@HOST:PORT/DATABASE, or "host=… dbname=…" [env: REFRESHTOP_URL]')
            [CompletionResult]::new('--profile', '--profile', [CompletionResultType]::ParameterName, 'Profile of the config file to use [env: REFRESHTOP_PROFILE]')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'Config file to read instead of refreshtop/config.toml in the user''s config folder [env: REFRESHTOP_CONFIG]')
            [CompletionResult]::new('--poll', '--poll', [CompletionResultType]::ParameterName, 'Time between polls, 1s to 24h [default: 30s] [env: REFRESHTOP_POLL]')
            [CompletionResult]::new('--window', '--window', [CompletionResultType]::ParameterName, 'Window of the statistics, 1m to 366d [default: 24h] [env: REFRESHTOP_WINDOW]')
            [CompletionResult]::new('--success-warning', '--success-warning', [CompletionResultType]::ParameterName, 'Success rate below which it is a warning [default: 95] [env: REFRESHTOP_SUCCESS_WARNING]')
            [CompletionResult]::new('--success-critical', '--success-critical', [CompletionResultType]::ParameterName, 'Success rate below which it is critical [default: 80] [env: REFRESHTOP_SUCCESS_CRITICAL]')
            [CompletionResult]::new('--max-average', '--max-average', [CompletionResultType]::ParameterName, 'Average duration of a refresh above which it is a warning [default: 5s] [env: REFRESHTOP_MAX_AVERAGE]')
            [CompletionResult]::new('--max-age', '--max-age', [CompletionResultType]::ParameterName, 'Age of the last successful refresh above which it is a warning [default: 10m] [env: REFRESHTOP_MAX_AGE]')
            [CompletionResult]::new('--theme', '--theme', [CompletionResultType]::ParameterName, 'Colours: terminal, light, dark, colorblind or mono [default: terminal] [env: REFRESHTOP_THEME]')
            [CompletionResult]::new('--ascii', '--ascii', [CompletionResultType]::ParameterName, 'Draw with ASCII only [default: as the locale says] [env: REFRESHTOP_ASCII]')
            [CompletionResult]::new('--view', '--view', [CompletionResultType]::ParameterName, 'View that the monitor begins with: overview, runs, incidents, history, diagnose, metrics or wall [default: overview] [env: REFRESHTOP_VIEW]')
            [CompletionResult]::new('--mouse', '--mouse', [CompletionResultType]::ParameterName, 'Use the mouse in the monitor: the terminal''s own selection then needs Shift [default: false] [env: REFRESHTOP_MOUSE]')
            [CompletionResult]::new('--log-file', '--log-file', [CompletionResultType]::ParameterName, 'Write a log to this file [env: REFRESHTOP_LOG_FILE]')
            [CompletionResult]::new('--log-level', '--log-level', [CompletionResultType]::ParameterName, 'Write a log of this detail: error, warn, info, debug or trace [env: REFRESHTOP_LOG_LEVEL]')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'refreshtop;help' {
            [CompletionResult]::new('monitor', 'monitor', [CompletionResultType]::ParameterValue, 'Show how the refreshes go, live')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say how it stands: verdict, last refresh, job')
            [CompletionResult]::new('stats', 'stats', [CompletionResultType]::ParameterValue, 'Show the figures of the refreshes in the window')
            [CompletionResult]::new('logs', 'logs', [CompletionResultType]::ParameterValue, 'List the latest attempts, with their errors')
            [CompletionResult]::new('trigger', 'trigger', [CompletionResultType]::ParameterValue, 'Refresh the view now, and wait for the end; Ctrl-C cancels it on the server')
            [CompletionResult]::new('job', 'job', [CompletionResultType]::ParameterValue, 'Show or change the jobs in pg_cron')
            [CompletionResult]::new('cleanup', 'cleanup', [CompletionResultType]::ParameterValue, 'Delete rows of the log that are older than they are kept')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the health as a monitoring plugin: one line, performance data, exit code 0 to 3')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Find what keeps the refreshes from working, and what mends it')
            [CompletionResult]::new('metrics', 'metrics', [CompletionResultType]::ParameterValue, 'Give the figures to Prometheus and its kin, as OpenMetrics')
            [CompletionResult]::new('schedule', 'schedule', [CompletionResultType]::ParameterValue, 'Drive the refreshes where pg_cron can''t be had')
            [CompletionResult]::new('migrate', 'migrate', [CompletionResultType]::ParameterValue, 'Install or update what the database needs, or take it away')
            [CompletionResult]::new('demo', 'demo', [CompletionResultType]::ParameterValue, 'Try it out on a PostgreSQL server of its own, in a temporary folder')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Find, write or check the config file')
            [CompletionResult]::new('completions', 'completions', [CompletionResultType]::ParameterValue, 'Print the completions for a shell')
            [CompletionResult]::new('man', 'man', [CompletionResultType]::ParameterValue, 'Print a manual page')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'refreshtop;help;monitor' {
            break
        }
        'refreshtop;help;status' {
            break
        }
        'refreshtop;help;stats' {
            break
        }
        'refreshtop;help;logs' {
            break
        }
        'refreshtop;help;trigger' {
            break
        }
        'refreshtop;help;job' {
            [CompletionResult]::new('show', 'show', [CompletionResultType]::ParameterValue, 'Show the jobs in pg_cron (the default)')
            [CompletionResult]::new('runs', 'runs', [CompletionResultType]::ParameterValue, 'Show the latest executions of a job')
            [CompletionResult]::new('pause', 'pause', [CompletionResultType]::ParameterValue, 'Stop a job from being run until it is resumed')
            [CompletionResult]::new('resume', 'resume', [CompletionResultType]::ParameterValue, 'Let a paused job run again')
            [CompletionResult]::new('every', 'every', [CompletionResultType]::ParameterValue, 'Give a job another schedule')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Take a job out of pg_cron')
            [CompletionResult]::new('restore', 'restore', [CompletionResultType]::ParameterValue, 'Put back the jobs that are missing, and mend those that run something else')
            break
        }
        'refreshtop;help;job;show' {
            break
        }
        'refreshtop;help;job;runs' {
            break
        }
        'refreshtop;help;job;pause' {
            break
        }
        'refreshtop;help;job;resume' {
            break
        }
        'refreshtop;help;job;every' {
            break
        }
        'refreshtop;help;job;remove' {
            break
        }
        'refreshtop;help;job;restore' {
            break
        }
        'refreshtop;help;cleanup' {
            break
        }
        'refreshtop;help;check' {
            break
        }
        'refreshtop;help;doctor' {
            break
        }
        'refreshtop;help;metrics' {
            break
        }
        'refreshtop;help;schedule' {
            break
        }
        'refreshtop;help;migrate' {
            [CompletionResult]::new('up', 'up', [CompletionResultType]::ParameterValue, 'Install or update everything (the default)')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show which migrations are installed')
            [CompletionResult]::new('down', 'down', [CompletionResultType]::ParameterValue, 'Take migrations away again')
            break
        }
        'refreshtop;help;migrate;up' {
            break
        }
        'refreshtop;help;migrate;status' {
            break
        }
        'refreshtop;help;migrate;down' {
            break
        }
        'refreshtop;help;demo' {
            break
        }
        'refreshtop;help;config' {
            [CompletionResult]::new('path', 'path', [CompletionResultType]::ParameterValue, 'Print where the config file is looked for')
            [CompletionResult]::new('init', 'init', [CompletionResultType]::ParameterValue, 'Write a config file with every setting in it, all of them at their defaults')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Read config file, environment and flags, and say what is wrong with them')
            break
        }
        'refreshtop;help;config;path' {
            break
        }
        'refreshtop;help;config;init' {
            break
        }
        'refreshtop;help;config;check' {
            break
        }
        'refreshtop;help;completions' {
            break
        }
        'refreshtop;help;man' {
            break
        }
        'refreshtop;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
