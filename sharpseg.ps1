# Starts SharpSeg from a checkout: restores and builds Release, then runs. The PowerShell twin of ./sharpseg.
#   ./sharpseg.ps1 demo | auto | train | …   the command line
#   ./sharpseg.ps1 bench …                   the benchmarks
#   ./sharpseg.ps1 test [TIER] [dotnet test args]   tests: --quick, --unit, --end-to-end, else all (docs/testing.md)
$ErrorActionPreference = 'Stop'
$root = $PSScriptRoot
$env:DOTNET_NOLOGO = '1'
$env:DOTNET_CLI_TELEMETRY_OPTOUT = '1'

if (-not (Get-Command dotnet -ErrorAction SilentlyContinue)) {
    [Console]::Error.WriteLine('error: the .NET 10 SDK is not installed (no `dotnet` on PATH)')
    [Console]::Error.WriteLine('hint: https://dotnet.microsoft.com/download/dotnet/10.0')
    exit 1
}

# One build of this checkout at a time: two runs started together must not write the same files.
function Enter-Build {
    New-Item -ItemType Directory -Force -Path (Join-Path $root 'obj') | Out-Null
    while ($true) {
        try {
            return [System.IO.File]::Open((Join-Path $root 'obj/build.lock'), 'OpenOrCreate', 'ReadWrite', 'None')
        }
        catch [System.IO.IOException] {
            Start-Sleep -Milliseconds 200
        }
    }
}

# The program is missing, or a source is newer than its last build.
function Test-Stale([string] $stamp, [string] $dll) {
    if (-not (Test-Path $stamp) -or -not (Test-Path $dll)) { return $true }
    $sources = Get-ChildItem -Path (Join-Path $root 'engine'), (Join-Path $root 'kernels'), (Join-Path $root 'autoplanner'),
        (Join-Path $root 'library'), (Join-Path $root 'cli'), (Join-Path $root 'conformance'), (Join-Path $root 'perf') -Recurse -Include *.cs, *.csproj |
        Where-Object { $_.FullName -notmatch '[\\/](obj|bin)[\\/]' }
    $newest = ($sources | Measure-Object -Property LastWriteTimeUtc -Maximum).Maximum
    return (Get-Item $stamp).LastWriteTimeUtc -lt $newest
}

function Build-Project([string] $folder, [string] $dll) {
    $stamp = Join-Path $root "$folder/obj/release.stamp"
    if (-not (Test-Stale $stamp $dll)) { return }
    $lock = Enter-Build
    try {
        if (Test-Stale $stamp $dll) { # who held the lock may have built it
            [Console]::Error.WriteLine('building SharpSeg (once)…')
            $started = [DateTime]::UtcNow
            $log = & dotnet build (Join-Path $root $folder) -c Release -v quiet --nologo 2>&1
            if ($LASTEXITCODE -ne 0) {
                $log | Where-Object { $_ -match 'error' } | Sort-Object -Unique | Select-Object -First 20 |
                    ForEach-Object { [Console]::Error.WriteLine($_) }
                exit 1
            }
            New-Item -ItemType File -Force -Path $stamp | Out-Null
            (Get-Item $stamp).LastWriteTimeUtc = $started
        }
    }
    finally {
        $lock.Dispose()
    }
}

$verb = if ($args.Count -gt 0) { $args[0] } else { '' }
# @(…): what an `if` hands back is taken apart, and one word would become its letters.
$rest = @(if ($args.Count -gt 1) { $args[1..($args.Count - 1)] })
switch ($verb) {
    'test' {
        $tier = 'all'
        if ($rest.Count -gt 0 -and $rest[0] -in '--quick', '--unit', '--end-to-end') {
            $tier = $rest[0].Substring(2)
            $rest = @(if ($rest.Count -gt 1) { $rest[1..($rest.Count - 1)] })
        }

        # Random inputs are fresh in every run; the same seed repeats a run.
        if (-not $env:SHARPSEG_TEST_SEED) { $env:SHARPSEG_TEST_SEED = Get-Random -Maximum 1073741824 }
        Write-Output "random inputs: SHARPSEG_TEST_SEED=$env:SHARPSEG_TEST_SEED repeats this run"
        $lock = Enter-Build
        & dotnet build (Join-Path $root 'Engine.sln') -c Release -v quiet --nologo
        $lock.Dispose()
        if ($LASTEXITCODE -ne 0) {
            Write-Output '0 passed, 1 failed'
            exit 1
        }

        $folders = switch ($tier) {
            'quick' { 'engine', 'autoplanner', 'end-to-end' }
            'end-to-end' { , 'end-to-end' }
            default { Get-ChildItem (Join-Path $root 'tests') -Directory | Where-Object Name -ne 'stranger' | ForEach-Object Name }
        }
        $dlls = foreach ($folder in $folders) {
            if ($tier -eq 'unit' -and $folder -eq 'end-to-end') { continue }
            Get-ChildItem (Join-Path $root "tests/$folder") -Filter *.csproj |
                ForEach-Object { Join-Path $root "tests/$folder/bin/Release/net10.0/$($_.BaseName).dll" }
        }

        # Traits: Tier=slow keeps a unit test out of the first gate, Tier=quick takes an end-to-end test in.
        if ($tier -eq 'quick') { $rest = @('--filter', 'Tier=quick|(Tier!=slow&FullyQualifiedName!~SharpSeg.EndToEnd)') + $rest }
        $passed = 0; $failed = 0; $skipped = 0
        $profiles = $env:DOTNET_TieredPGO
        if (-not $profiles) { $env:DOTNET_TieredPGO = '0' } # most tests are over before profiles of their code pay
        try {
            & dotnet test @dlls --nologo --settings "$root/tests/two-at-a-time.runsettings" @rest 2>&1 | ForEach-Object {
                Write-Output "$_"
                if ("$_" -match 'Failed: *(\d+), Passed: *(\d+), Skipped: *(\d+)') {
                    $failed += [int]$Matches[1]; $passed += [int]$Matches[2]; $skipped += [int]$Matches[3]
                }
            }
            $status = $LASTEXITCODE
        }
        finally {
            $env:DOTNET_TieredPGO = $profiles # the session goes on
        }
        if ($status -ne 0 -and $failed -eq 0) { $failed = 1 } # a test process that died
        Write-Output "$passed passed, $failed failed, $skipped skipped"
        exit $status
    }
    'bench' {
        $dll = Join-Path $root 'perf/bin/Release/net10.0/SharpSeg.Perf.dll'
        Build-Project 'perf' $dll
        & dotnet $dll @rest
        exit $LASTEXITCODE
    }
    default {
        $dll = Join-Path $root 'cli/bin/Release/net10.0/sharpseg.dll'
        Build-Project 'cli' $dll
        & dotnet $dll @args
        exit $LASTEXITCODE
    }
}
