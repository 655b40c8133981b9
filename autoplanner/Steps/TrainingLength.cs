using SharpSeg.AutoPlanner.Training;

namespace SharpSeg.AutoPlanner.Steps;

/// <summary>
/// How long a new training takes: as a schedule says, or as many iterations as fit into a time at the speed that was measured. A
/// training that is resumed keeps the schedule with which it began.
/// </summary>
public sealed class TrainingLength
{
    private readonly Func<SpeedProbe, TimeSpan>? time;

    private TrainingLength(TrainingSchedule? schedule, Func<SpeedProbe, TimeSpan>? time) =>
        (Schedule, this.time) = (schedule, time);

    /// <summary>The schedule; null if it is fitted to a time.</summary>
    internal TrainingSchedule? Schedule { get; }

    /// <summary>Trains as the schedule says.</summary>
    public static TrainingLength Of(TrainingSchedule schedule) => new(schedule, null);

    /// <summary>Trains for about a given time; validation on patches is part of it.</summary>
    public static TrainingLength Within(TimeSpan time) => new(null, _ => time);

    /// <summary>Trains for about a time that depends on the machine's speed, because prediction must follow.</summary>
    public static TrainingLength Within(Func<SpeedProbe, TimeSpan> time) => new(null, time);

    /// <summary>The time to which the schedule is fitted.</summary>
    internal TimeSpan Time(SpeedProbe speed) => time!(speed);
}
