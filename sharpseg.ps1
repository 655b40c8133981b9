# Starts SharpSeg from a checkout: restores and builds Release, then runs. The PowerShell twin of ./sharpseg.
#   ./sharpseg.ps1 demo | auto | train | …   the command line
#   ./sharpseg.ps1 bench …                   the benchmarks
#   ./sharpseg.ps1 test                      all tests
$ErrorActionPreference = 'Stop'
$root = $PSScriptRoot
$env:DOTNET_NOLOGO = '1'
$env:DOTNET_CLI_TELEMETRY_OPTOUT = '1'

if (-not (Get-Command dotnet -ErrorAction SilentlyContinue)) {
    [Console]::Error.WriteLine('error: the .NET 10 SDK is not installed (no `dotnet` on PATH)')
    [Console]::Error.WriteLine('hint: https://dotnet.microsoft.com/download/dotnet/10.0')
    exit 1
}

# GPUs need ILGPU, which some package feeds lack. Ask once, before the first build; without it the GPU kernels are built against
# the emulator. $env:Ilgpu = 'package' or 'emulator' decides without asking.
function Test-Ilgpu {
    $answer = Join-Path $root 'kernels/gpu/probe/obj/answer'
    if (-not $env:Ilgpu -and -not (Test-Path $answer)) {
        New-Item -ItemType Directory -Force -Path (Split-Path $answer) | Out-Null
        & dotnet restore (Join-Path $root 'kernels/gpu/probe') -v quiet *> $answer
        if ($LASTEXITCODE -ne 0) {
            [Console]::Error.WriteLine('the package feed has no ILGPU 1.5.3: building without GPU support')
        }
    }
}

function Build-Project([string] $folder, [string] $dll) {
    $sources = Get-ChildItem -Path (Join-Path $root 'engine'), (Join-Path $root 'kernels'), (Join-Path $root 'autoplanner'),
        (Join-Path $root 'cli'), (Join-Path $root 'conformance'), (Join-Path $root 'perf') -Recurse -Include *.cs, *.csproj |
        Where-Object { $_.FullName -notmatch '[\\/](obj|bin)[\\/]' }
    $newest = ($sources | Measure-Object -Property LastWriteTimeUtc -Maximum).Maximum
    $stamp = Join-Path $root "$folder/obj/release.stamp"
    if (-not (Test-Path $stamp) -or -not (Test-Path $dll) -or (Get-Item $stamp).LastWriteTimeUtc -lt $newest) {
        Test-Ilgpu
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

$verb = if ($args.Count -gt 0) { $args[0] } else { '' }
$rest = if ($args.Count -gt 1) { $args[1..($args.Count - 1)] } else { @() }
switch ($verb) {
    'test' {
        Test-Ilgpu
        & dotnet test (Join-Path $root 'Engine.sln') -c Release --nologo @rest
        exit $LASTEXITCODE
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
