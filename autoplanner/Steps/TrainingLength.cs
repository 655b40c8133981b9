using SharpSeg.AutoPlanner.Training;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// How long a new training takes: as a schedule says, or as many iterations as fit into a time at the speed that was measured. A
/// training that is resumed keeps the schedule with which it began, but for what is asked for anew.
/// </summary>
public sealed class TrainingLength
{
    private readonly Func<SpeedProbe, TimeSpan>? time;

    private TrainingLength(TrainingSchedule? schedule, Func<SpeedProbe, TimeSpan>? time) =>
        (Schedule, this.time) = (schedule, time);

    /// <summary>What was asked for; it changes the schedule of a training that is resumed, or is refused.</summary>
    internal ScheduleChange Asked { get; private init; } = new();

    /// <summary>The schedule; null if it is fitted to a time.</summary>
    internal TrainingSchedule? Schedule { get; }

    /// <summary>Trains as the schedule says.</summary>
    public static TrainingLength Of(TrainingSchedule schedule, ScheduleChange? asked = null) =>
        new(schedule, null) { Asked = asked ?? new() };

    /// <summary>Trains for about a given time; validation on patches is part of it.</summary>
    public static TrainingLength Within(TimeSpan time, ScheduleChange? asked = null) =>
        new(null, _ => time) { Asked = asked ?? new() };

    /// <summary>Trains for about a time that depends on the machine's speed, because prediction must follow.</summary>
    public static TrainingLength Within(
        Func<SpeedProbe, TimeSpan> time, Func<SpeedProbe, bool>? isOver = null, ScheduleChange? asked = null) =>
        new(null, time) { IsDeadline = true, IsOver = isOver, Asked = asked ?? new() };

    /// <summary>The time ends for this session, resumed or not.</summary>
    internal bool IsDeadline { get; private init; }

    /// <summary>Whether training must end now, at the speed that the machine turns out to have.</summary>
    internal Func<SpeedProbe, bool>? IsOver { get; private init; }

    /// <summary>The time to which the schedule is fitted.</summary>
    internal TimeSpan Time(SpeedProbe speed) => time!(speed);
}
